import type { JobError } from '../../protocol/job.js'
import { jobLimits } from '../../protocol/job-input.js'
import type { Copy } from './copied.js'
import { cut } from './progress.js'
import type { BullJob, Entry } from './queue.js'
import type { BullMQSettings } from './settings.js'

/** What BullMQ says, in the words of a job. */

const stalled: JobError = { code: 'stalled', message: 'Its worker stopped answering.', retryable: true }
const lost: JobError = { code: 'lost', message: 'Its queue no longer knows this job.', retryable: false }

/** Of an entry that needs no look at the job itself. Each step of an entry has its own place. */
export function copiesOf(entry: Entry, settings: BullMQSettings): Copy[] {
  const at = (step: number) => [...entry.at, step]
  switch (entry.event) {
    case 'active':
      return [
        { at: at(1), say: { what: 'start' } },
        { at: at(2), say: { what: 'show', stage: null, message: null } },
      ]
    case 'progress':
      return [{ at: at(1), say: { what: 'show', ...settings.shownOf(json(entry.fields.data)) } }]
    case 'waiting':
      // By itself it tells nothing new, but a job that was delayed is not any more.
      return entry.fields.prev === 'delayed' ? [{ at: at(2), say: { what: 'show', stage: null, message: null } }] : []
    case 'delayed':
      // Step 1 is the retry that it may mean.
      return [{ at: at(2), say: delayedUntil(Number(entry.fields.delay)) }]
    case 'waiting-children':
      return [{ at: at(1), say: { what: 'show', stage: 'waiting-children', message: null } }]
    case 'stalled':
      return [{ at: at(1), say: { what: 'again', error: stalled } }]
    case 'completed':
      return [{ at: at(1), say: completed(json(entry.fields.returnvalue), settings) }]
    case 'failed':
      return [{ at: at(1), say: failed(entry.fields.failedReason, settings) }]
    case 'removed':
      return [{ at: at(1), say: { what: 'cancel' } }]
    default:
      return []
  }
}

/** Whether the entry may mean that a run has failed and another will follow: the stream does not say it. */
export function mayBeRetry(entry: Entry, next: Entry | undefined): boolean {
  if (entry.event === 'delayed') return true
  return entry.event === 'waiting' && entry.fields.prev === 'active' && next?.event !== 'stalled'
}

/** Whether the entry begins a job anew that had ended. */
export const isRerun = ({ event, fields }: Entry): boolean =>
  event === 'waiting' && (fields.prev === 'failed' || fields.prev === 'completed')

/**
 * The run before has failed, if BullMQ has counted more runs than the job here. It counts what is so now, which may be later
 * than the entry: over all entries of a job the sum is right. A job that is gone tells nothing; where it had attempts left,
 * this was most likely one of them.
 */
export function again(job: BullJob | undefined, runsBefore: number, settings: BullMQSettings, entry?: Entry): Copy {
  const error = job?.failedReason ? failed(job.failedReason, settings).error : stalled
  const runs = job ? runsOf(job) - runsBefore : 'left'
  return { ...(entry && { at: [...entry.at, 1] }), say: { what: 'again', error, runs, all: entry === undefined } }
}

/** Runs of a job that are over and were not its last. */
export function runsOf({ attemptsMade, stalledCounter = 0, finishedOn }: BullJob): number {
  return Math.max(0, attemptsMade + stalledCounter - (finishedOn ? 1 : 0))
}

/** Where the job stands now, as BullMQ tells it of the job itself: for what the stream has lost. */
export function standingOf(job: BullJob, state: string, settings: BullMQSettings): Copy[] {
  const shown = (): Copy[] =>
    job.progress === 0 || job.progress === undefined
      ? []
      : [{ say: { what: 'show', ...settings.shownOf(job.progress) } }]
  switch (state) {
    case 'active':
      return [{ say: { what: 'start' } }, ...shown()]
    case 'completed':
      return [...shown(), { say: completed(job.returnvalue, settings) }]
    case 'failed':
      return [...shown(), { say: failed(job.failedReason, settings) }]
    case 'waiting-children':
      return [{ say: { what: 'start' } }, { say: { what: 'show', stage: state, message: null } }]
    default:
      return []
  }
}

/** Drained, or ended and removed while nobody listened: nothing tells which. */
export const vanished: Copy = { say: { what: 'fail', error: lost } }

/** Lines of the log from number `from` on, in commands of a size that jobs take. */
export function logCopies(lines: readonly string[], from: number): Copy[] {
  const copies: Copy[] = []
  for (let at = 0; at < lines.length; at += jobLimits.lines) {
    const some = lines.slice(at, at + jobLimits.lines).map((line) => cut(line, jobLimits.lineBytes))
    copies.push({ say: { what: 'log', from: from + at, lines: some } })
  }
  return copies
}

function completed(result: unknown, { onError }: BullMQSettings): Copy['say'] {
  if (result === null || result === undefined) return { what: 'complete' }
  const bytes = Buffer.byteLength(JSON.stringify(result))
  if (bytes <= jobLimits.resultBytes) return { what: 'complete', result }
  onError(new Error(`The result of a job is ${bytes} bytes of JSON; it completes without it, since jobs keep 32 KiB.`))
  return { what: 'complete' }
}

function failed(reason: string | undefined, settings: BullMQSettings) {
  // These are BullMQ's own words for a worker that vanished once too often.
  const error = reason?.startsWith('job stalled more than')
    ? { ...stalled, retryable: false }
    : settings.errorOf(reason ?? '')
  return { what: 'fail', error } as const
}

function delayedUntil(timestamp: number): Copy['say'] {
  const until = Number.isFinite(timestamp) ? `Until ${new Date(timestamp).toISOString()}` : null
  return { what: 'show', stage: 'delayed', message: until }
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return text
  }
}
