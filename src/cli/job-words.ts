import { type Job, isEnded } from '../protocol/job.js'
import { bar } from './bar.js'

/** A job in words, for people. Everything that came from outside is shown without control characters. */

const number = new Intl.NumberFormat('en-GB')

/** One line: how far it is and what it is doing. */
export function progressLine(job: Job): string {
  return [jobBar(job), done(job), job.stage, currentOf(job), job.message, endOf(job)]
    .filter((part) => part !== null && part !== '')
    .map((part) => plain(String(part)))
    .join('  ')
}

/** The same without the bar: for logs, where each line stays. */
export function progressText(job: Job): string {
  const percent = job.percent === null ? null : `${job.percent} %`
  return [job.status, percent, done(job), job.stage, job.message, endOf(job)]
    .filter((part) => part !== null && part !== '')
    .map((part) => plain(String(part)))
    .join('  ')
}

/** All that is known, one thing a line. */
export function jobPage(job: Job): string {
  const counters = Object.entries(job.counters).map(([name, value]) => `${name} ${number.format(value)}`)
  const rows: [string, string | null][] = [
    ['job', job.id],
    ['kind', job.kind],
    ['owner', job.owner],
    ['status', job.status + (job.attempts > 1 ? ` (attempt ${job.attempt} of ${job.attempts})` : '')],
    [
      'progress',
      job.percent === null ? null : `${job.percent} %${job.total === null ? '' : ` of ${number.format(job.total)}`}`,
    ],
    ['counters', counters.length > 0 ? counters.join(', ') : null],
    ['stage', job.stage],
    ['message', job.message],
    ['current', job.current === null ? null : JSON.stringify(job.current)],
    ['created', time(job.createdAt)],
    ['started', time(job.startedAt)],
    ['ended', time(job.endedAt)],
    ['result', job.result === undefined ? null : JSON.stringify(job.result)],
    ['error', job.error === undefined ? null : `${job.error.code}: ${job.error.message}`],
    ['parent', job.parent ?? null],
    ['retry of', job.retryOf ?? null],
  ]
  return rows
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(9)} ${plain(value as string)}`)
    .join('\n')
}

/** A line of a list; the columns of all lines agree. */
export function jobRow(job: Job): string {
  const percent = job.percent === null ? '' : `${job.percent} %`
  const columns = [
    job.id.padEnd(36),
    job.status.padEnd(9),
    percent.padStart(5),
    time(job.createdAt),
    job.owner,
    job.kind,
  ]
  return columns.map((column) => plain(column ?? '')).join('  ')
}

function jobBar({ percent, status }: Job): string {
  if (percent === null) return status
  return `${bar(percent / 100)} ${String(percent).padStart(3)} %`
}

function done({ counters, total }: Job): string | null {
  const { processed = 0, failed = 0, skipped = 0 } = counters
  const count = processed + failed + skipped
  if (count === 0 && total === null) return null
  const of = total === null ? '' : ` of ${number.format(total)}`
  return `${number.format(count)}${of}${failed > 0 ? ` (${number.format(failed)} failed)` : ''}`
}

const currentOf = ({ current, status }: Job): string | null =>
  typeof current === 'string' && !isEnded(status) ? current : null

function endOf({ status, error, attempt, attempts }: Job): string | null {
  if (isEnded(status)) return error ? `${status}: ${error.message}` : status
  return status === 'queued' && error ? `attempt ${attempt} of ${attempts} after: ${error.message}` : null
}

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().slice(0, 19) + 'Z')

/** A job's words must not move the cursor or colour the terminal of whoever looks at it. */
export const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '�')
