// winston-loki: protobuf with label values that are not escaped, or JSON with metadata.
import winston from 'winston'
import LokiTransport from 'winston-loki'
import { lines, record, url, variant, writeReport } from './sent.mjs'

const json = variant === 'json'
const failures = []
const transport = new LokiTransport({
  host: url,
  json,
  labels: { app: 'clients' },
  interval: 1,
  replaceTimestamp: false,
  onConnectionError: error => failures.push(error),
  ...(json ? {} : { format: winston.format.printf(info => info.message) })
})
if (transport.batcher.options.json !== json) throw new Error('snappy did not load')
const logger = winston.createLogger({ level: 'silly', transports: [transport] })

// Label values, and what a reader must make of them: from JSON (the client keeps null and 0 as
// they are), and from `{k="v"}` without any escaping.
const values = [
  ['plain', 'plain', 'plain'],
  ['žluť 🦀', 'žluť 🦀', 'žluť 🦀'],
  [5, '5', '5'],
  [0, '0', '0'],
  [true, 'true', 'true'],
  ['a "q" b', 'a "q" b', 'a "q" b'],
  ['a,b={c}', 'a,b={c}', 'a,b={c}'],
  // An illegal escape: the text cannot have been escaped, so it stands for itself.
  ['C:\\dir', 'C:\\dir', 'C:\\dir'],
  // A legal escape: every reader of label strings sees a tab.
  ['C:\\temp', 'C:\\temp', 'C:\temp'],
  [null, 'null', 'null']
]
const start = Date.UTC(2026, 10, 22)

lines.forEach((line, i) => {
  const [value, inJson, inText] = values[i % values.length]
  const level = ['error', 'warn', 'info', 'debug'][i % 4]
  // Time stamps are given out of order in part.
  const at = start + (i % 7 === 0 ? -i : i)
  const meta = { order: i, deep: { a: 'x "y"' } }
  logger.log({ level, message: line, labels: { value }, timestamp: at, ...meta })
  const labels = { level, app: 'clients', value: json ? inJson : inText }
  // Without a format the client appends a space and the record's own fields as JSON. In protobuf
  // it sends no metadata.
  const text = json ? `${line} ${JSON.stringify({ level, ...meta })}` : line
  const more = json ? { meta: { level, order: String(i), deep: '{"a":"x \\"y\\""}' } } : {}
  record(labels, text, { ts: `${at}000000`, ...more })
})
await new Promise(resolve => { transport.on('finish', resolve); logger.end() })
await transport.batcher.close()
if (failures.length) throw failures[0]
writeReport()
