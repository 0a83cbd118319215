// pino-loki: JSON, a stream object per line; numbers and objects as label values.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { pinoLoki } from 'pino-loki'
import { lines, record, url, variant, writeReport } from './sent.mjs'

const fixed = { app: 'a "q", b', path: 'C:\\temp' }
const props = ['pid', 'ok', 'obj']
const meta = { trace: 'x "y"', n: 7, deep: { a: [1] } }
const metaAsSent = { trace: 'x "y"', n: '7', deep: '{"a":[1]}' }
const options = { host: url, labels: fixed, propsToLabels: props }
// pino's numbers for debug, info, warn and error, and pino-loki's names for them.
const levels = [[20, 'debug', 'debug'], [30, 'info', 'info'], [40, 'warning', 'warn'], [50, 'error', 'error']]
const start = Date.UTC(2026, 10, 22)
const extra = { ok: true, obj: { a: 1 }, meta }
const labelsOf = level => ({
  level, hostname: hostname(), ...fixed, pid: String(process.pid), ok: 'true', obj: '{"a":1}'
})

// The documented set-up: the transport in a worker, the line is the whole record as JSON. A second
// target writes the same records to a file, from which the expected lines are made.
async function worker () {
  const scratch = mkdtempSync(join(tmpdir(), 'logtap-pino-'))
  const file = join(scratch, 'records')
  const transport = pino.transport({
    targets: [
      { target: 'pino-loki', level: 'debug', options: { ...options, batching: { interval: 1 } } },
      { target: 'pino/file', level: 'debug', options: { destination: file } }
    ]
  })
  const logger = pino({ level: 'debug' }, transport)
  const all = [...lines, 'lone \ud800 surrogate']
  all.forEach((line, i) => logger[levels[i % 4][2]](extra, line))
  // The worker alone does not keep the process alive while it empties its buffer.
  const alive = setInterval(() => {}, 1000)
  await new Promise((resolve, reject) => {
    transport.on('close', resolve)
    transport.on('error', reject)
    transport.end()
  })
  clearInterval(alive)
  const records = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line))
  rmSync(scratch, { recursive: true })
  if (records.length !== all.length) throw new Error(`pino wrote ${records.length} of ${all.length} records`)
  for (const { hostname: _, ...log } of records) {
    const level = levels.find(([number]) => number === log.level)[1]
    record(labelsOf(level), JSON.stringify(log), { ts: `${log.time}000000`, meta: metaAsSent })
  }
}

// One request per line, none waited for; the line is the bare message. The clock has a finer
// resolution than pino's own, which the client turns into counts of 10 ns and the like.
async function unbatched () {
  const stream = pinoLoki({ ...options, batching: false, logFormat: '{msg}' })
  let time
  const logger = pino({ level: 'debug', timestamp: () => `,"time":${time}` }, stream)
  const all = [...lines, 'lone \ud800 surrogate']
  all.forEach((line, i) => {
    const fraction = [0, 0.5, 0.25, 0.125][i % 4]
    time = start + i + fraction
    logger[levels[i % 4][2]](extra, line)
    const ts = BigInt(start + i) * 1_000_000n + BigInt(fraction * 1_000_000)
    // What the client sends instead of nanoseconds is kept beside what it stands for.
    const asSent = String(time * 10 ** (19 - String(time).length))
    const kept = asSent === String(ts) ? metaAsSent : { ...metaAsSent, original_ts: asSent }
    // A lone surrogate has no UTF-8: it is replaced.
    record(labelsOf(levels[i % 4][1]), line.toWellFormed(), { ts: String(ts), meta: kept })
  })
  await new Promise(resolve => { stream.on('close', resolve); stream.end() })
}

await (variant === 'unbatched' ? unbatched() : worker())
writeReport()
