// What a driver asked its client to send, one JSON object per line: labels, msg, perhaps ts and meta.
import { readFileSync, writeFileSync } from 'node:fs'

const [, , variant, url, linesFile, reportFile] = process.argv
const sent = []

export { variant, url }
export const lines = JSON.parse(readFileSync(linesFile, 'utf8'))
export const record = (labels, msg, more = {}) => sent.push(JSON.stringify({ labels, msg, ...more }))
export const writeReport = () => writeFileSync(reportFile, sent.map(line => line + '\n').join(''))
