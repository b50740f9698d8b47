import { defaults } from '../../protocol/defaults.js'
import { jobLimits } from '../../protocol/job-input.js'

/** What of a job is to be shown: absolute values, which only ever raise counters. */
export interface Shown {
  readonly counters?: Readonly<Record<string, number>>
  readonly total?: number
  readonly stage?: string | null
  readonly message?: string | null
  readonly current?: unknown
}

const counterNames = ['discovered', 'processed', 'failed', 'skipped'] as const

/**
 * What a worker's `job.updateProgress(value)` says, by convention: a number is a percentage; of an object `total`, the four
 * known counters, `percent` (or `progress`), `stage` and `message` are understood, and all of it is shown as `current`; a text
 * is the message.
 */
export function progressShown(value: unknown): Shown {
  if (typeof value === 'number') return percentage(value)
  if (typeof value === 'string') return { message: cut(value) }
  if (typeof value !== 'object' || value === null) return {}
  const given = value as Readonly<Record<string, unknown>>
  const counters = Object.fromEntries(
    counterNames.flatMap((name) => (isCount(given[name]) ? [[name, given[name]]] : [])),
  )
  const percent = given.percent ?? given.progress
  const counted = Object.keys(counters).length > 0 || isCount(given.total)
  return {
    ...(counted ? { counters } : typeof percent === 'number' ? percentage(percent) : {}),
    ...(isCount(given.total) && { total: given.total }),
    ...(typeof given.stage === 'string' && { stage: cut(given.stage) }),
    ...(typeof given.message === 'string' && { message: cut(given.message) }),
    ...(bytesOf(value) <= defaults.jobCurrentBytes && { current: value }),
  }
}

function percentage(value: number): Shown {
  if (!Number.isFinite(value)) return {}
  return { total: 100, counters: { processed: Math.floor(Math.min(100, Math.max(0, value))) } }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const encoder = new TextEncoder()
const bytesOf = (value: unknown): number => encoder.encode(JSON.stringify(value)).length

/** Short enough for a word of a job, also where every character takes several bytes. */
export function cut(text: string, most: number = jobLimits.textBytes): string {
  if (bytesOf(text) <= most) return text
  let short = text.slice(0, most)
  while (bytesOf(short) > most - 4) short = short.slice(0, Math.floor(short.length * 0.9))
  return `${short.replace(/\p{Cs}$/u, '')}…`
}
