import { type Logger, destination, pino } from 'pino'
import pretty from 'pino-pretty'
import { isColoured } from './colours.js'

/** Log lines go to stderr: stdout is for programs that read it. JSON, or words and colours where a person looks on. */
export function makeLog(level: string): Logger {
  const { stderr } = process
  const stream = stderr.isTTY
    ? pretty({ destination: 2, colorize: isColoured(stderr), ignore: 'pid,hostname', sync: true })
    : destination({ dest: 2, sync: true })
  return pino({ level }, stream)
}
