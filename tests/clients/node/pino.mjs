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
  await new Promise((resolve, reject) => {
    transport.on('close', resolve)
    transport.on('error', reject)
    transport.end()
  })
  const records = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line))
  rmSync(scratch, { recursive: true })
  if (records.length !== all.length) throw new Error(`pino wrote ${records.length} of ${all.length} records`)
  for (const { hostname: _, ...log } of records) {
    const level = levels.find(([number]) => number === log.level)[1]
    record(labelsOf(level), JSON.stringify(log), { ts: `${log.time}000000`, meta: metaAsSent })
  }
}

// One request per line, none waited for; the line is the bare message.
async function unbatched () {
  const stream = pinoLoki({ ...options, batching: false, logFormat: '{msg}' })
  const logger = pino({ level: 'debug' }, stream)
  const all = [...lines, 'lone \ud800 surrogate']
  all.forEach((line, i) => {
    logger[levels[i % 4][2]](extra, line)
    // A lone surrogate has no UTF-8: it is replaced.
    record(labelsOf(levels[i % 4][1]), line.toWellFormed(), { meta: metaAsSent })
  })
  await new Promise(resolve => { stream.on('close', resolve); stream.end() })
}

await (variant === 'unbatched' ? unbatched() : worker())
writeReport()
