import { type Logger, destination, pino } from 'pino'
import pretty from 'pino-pretty'

/** Log lines go to stderr: stdout is for programs that read it. JSON, or words and colours where a person looks on. */
export function makeLog(level: string): Logger {
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, colorize: true, ignore: 'pid,hostname', sync: true })
    : destination({ dest: 2, sync: true })
  return pino({ level }, stream)
}
