import { defaults } from './defaults.js'
import { checkEventId, checkPublishType } from './event.js'
import { duration, fields, invalid, json, list, text, textInBytes, whole, within } from './job-fields.js'
import {
  type Counters,
  type JobAction,
  type JobCommand,
  type JobError,
  type JobLogLine,
  type JobUpdate,
  type LogLevel,
  type NewJob,
  type RetryJob,
  logLevels,
} from './job.js'
import { checkId, checkTopic, jobTopic, jobsTopic } from './topic.js'

/**
 * What jobs take, checked once on each side of the wire. All limits together keep a whole job, which every event of it
 * carries, under the 64 KiB of one event. Everything returned is a copy: what the caller changes later does not count.
 */
export const jobLimits = {
  kindCharacters: 128,
  metaBytes: 16 * 1024,
  resultBytes: 32 * 1024,
  currentBytes: defaults.jobCurrentBytes,
  textBytes: 2 * 1024,
  counters: 64,
  /** Of one command; longer ones go in several. */
  lines: 100,
  lineBytes: 4 * 1024,
  events: 100,
  /** Of one job; more are grouped in further jobs below it. */
  children: 1_000,
  /** A job without a parent is the first. */
  levels: 4,
  attempts: 100,
  eventsPerSecond: 100,
  /** A shorter lease would be over before the sweep, once a second, could tell a slow worker from a dead one. */
  leaseMs: { from: 1_000, to: 24 * 3_600_000 },
  durationMs: { from: 1, to: 365 * 24 * 3_600_000 },
} as const

/** Begins with a letter, so that no name of a counter is one of JavaScript's own (`__proto__`). */
const counterName = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** A new job with every default filled in. */
export interface CheckedJob {
  readonly owner: string
  readonly kind: string
  readonly total: number | null
  readonly counters: Readonly<Record<string, number>>
  readonly meta?: unknown
  readonly attempts: number
  readonly parent?: string
  /** Absent: what the hub is set to. */
  readonly eventsPerSecond?: number
  readonly leaseMs: number
  readonly startWithinMs: number
  readonly ttlMs: number
}

/** Checks what `POST /jobs` takes. Throws `job_invalid`, `id_invalid` or `topic_invalid` naming the field (J1). */
export function checkNewJob(input: unknown): { readonly id: string | undefined; readonly job: CheckedJob } {
  const given = fields<NewJob>(input, '', newJobFields)
  const id = given.id == null ? undefined : checkJobId(given.id, 'id')
  const { from, to } = jobLimits.durationMs
  return {
    id,
    job: {
      owner: checkOwner(given.owner),
      kind: text(given.kind, 'kind', jobLimits.kindCharacters, 1),
      total: given.total == null ? null : whole(given.total, 'total'),
      counters: given.counters == null ? {} : checkCounters(given.counters, 'counters'),
      ...(given.meta !== undefined && { meta: json(given.meta, 'meta', jobLimits.metaBytes) }),
      attempts: given.attempts == null ? 1 : within(given.attempts, 'attempts', jobLimits.attempts),
      ...(given.parent != null && { parent: checkJobId(given.parent, 'parent') }),
      ...(given.eventsPerSecond != null && {
        eventsPerSecond: within(given.eventsPerSecond, 'eventsPerSecond', jobLimits.eventsPerSecond),
      }),
      leaseMs: duration(given.leaseMs, 'leaseMs', defaults.jobLeaseMs, jobLimits.leaseMs.from, jobLimits.leaseMs.to),
      startWithinMs: duration(given.startWithinMs, 'startWithinMs', defaults.jobStartWithinMs, from, to),
      ttlMs: duration(given.ttlMs, 'ttlMs', defaults.jobKeepMs, from, to),
    },
  }
}

/** Returns `id` when a job may have it; throws `id_invalid` or `topic_invalid`. */
function checkJobId(id: unknown, field: string): string {
  const checked = checkId(id, field)
  checkTopic(jobTopic(checked), field)
  return checked
}

/** Checks what `POST /jobs/{id}/retry` takes. Throws `job_invalid`, `id_invalid` or `topic_invalid`. */
export function checkRetry(input: unknown): RetryJob {
  const { id } = fields<RetryJob>(input, '', ['id'])
  return id == null ? {} : { id: checkJobId(id, 'id') }
}

/** Returns `owner` when it is `user:<id>`; throws `job_invalid`, `id_invalid` or `topic_invalid`. */
export function checkOwner(owner: unknown, field = 'owner'): string {
  if (typeof owner !== 'string' || !owner.startsWith('user:')) throw invalid(field, 'must be "user:<id>"')
  checkId(owner.slice('user:'.length), field)
  checkTopic(jobsTopic(owner), field)
  return owner
}

/** Checks a command as it travels. Throws `job_invalid`, `id_invalid` or `type_reserved` naming the field. */
export function checkCommand(input: JobCommand): JobCommand {
  const id = checkEventId(input.id)
  const attempt = input.attempt == null ? undefined : whole(input.attempt, 'attempt')
  return { id, ...(attempt !== undefined && { attempt }), ...checkAction(input) }
}

function checkAction(input: JobAction): JobAction {
  switch (input.action) {
    case 'start':
    case 'renew':
    case 'cancel':
      return { action: input.action }
    case 'update':
      return { action: 'update', ...checkUpdate(input) }
    case 'complete':
      if (input.result === undefined) return { action: 'complete' }
      return { action: 'complete', result: json(input.result, 'result', jobLimits.resultBytes) }
    case 'fail':
      return { action: 'fail', error: checkJobError(input.error) }
    default:
      throw invalid('action', 'must be start, renew, update, complete, fail or cancel')
  }
}

/** Checks what `PATCH /jobs/{id}` changes (J2). Throws `job_invalid`, `type_invalid` or `type_reserved`. */
export function checkUpdate(input: unknown): JobUpdate {
  const given = fields<JobUpdate>(input, '', updateFields)
  return {
    ...(given.increment != null && { increment: checkCounters(given.increment, 'increment') }),
    ...(given.set != null && { set: checkSet(given.set) }),
    ...(given.log != null && {
      log: list(given.log, 'log', jobLimits.lines).map((line, at) => checkLine(line, `log[${at}]`)),
    }),
    ...(given.publish != null && {
      publish: list(given.publish, 'publish', jobLimits.events).map((event, at) =>
        checkOwnEvent(event, `publish[${at}]`),
      ),
    }),
  }
}

function checkSet(input: unknown): NonNullable<JobUpdate['set']> {
  const given = fields<NonNullable<JobUpdate['set']>>(input, 'set', setFields)
  const words = (value: unknown, field: string): string | null =>
    value === null ? null : textInBytes(value, field, jobLimits.textBytes)
  return {
    ...(given.total !== undefined && { total: whole(given.total, 'set.total') }),
    ...(given.stage !== undefined && { stage: words(given.stage, 'set.stage') }),
    ...(given.message !== undefined && { message: words(given.message, 'set.message') }),
    ...(given.current !== undefined && { current: json(given.current, 'set.current', jobLimits.currentBytes) }),
  }
}

function checkLine(input: unknown, field: string): Omit<JobLogLine, 'at'> {
  const given = fields<Omit<JobLogLine, 'at'>>(input, field, lineFields)
  if (!logLevels.includes(given.level as LogLevel))
    throw invalid(`${field}.level`, `must be one of ${logLevels.join(', ')}`)
  return {
    level: given.level,
    message: textInBytes(given.message, `${field}.message`, jobLimits.lineBytes),
    ...(given.data !== undefined && { data: json(given.data, `${field}.data`, jobLimits.lineBytes) }),
  }
}

function checkOwnEvent(input: unknown, field: string): { readonly type: string; readonly data: unknown } {
  const given = fields<{ type: string; data: unknown }>(input, field, eventFields)
  return {
    type: checkPublishType(given.type, `${field}.type`),
    data: json(given.data ?? null, `${field}.data`, defaults.dataBytes, 'data_too_large'),
  }
}

/** Checks the error of a job (J3). Throws `job_invalid`. */
export function checkJobError(input: unknown, field = 'error'): JobError {
  const given = fields<JobError>(input, field, errorFields)
  const { retryable = false } = given
  if (typeof retryable !== 'boolean') throw invalid(`${field}.retryable`, 'must be true or false')
  return {
    code: text(given.code, `${field}.code`, 128, 1),
    message: textInBytes(given.message, `${field}.message`, jobLimits.textBytes),
    retryable,
  }
}

function checkCounters(input: unknown, field: string): Record<string, number> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid(field, 'must be an object of counters')
  const checked: Record<string, number> = {}
  for (const [name, by] of Object.entries(input as Counters)) {
    if (!counterName.test(name)) {
      throw invalid(
        `${field}.${name.slice(0, 64)}`,
        'is no name of a counter: a letter, then up to 63 letters, digits, "_", "." or "-"',
      )
    }
    if (by !== undefined) checked[name] = whole(by, `${field}.${name}`)
  }
  if (Object.keys(checked).length > jobLimits.counters) throw invalid(field, `has over ${jobLimits.counters} counters`)
  return checked
}

const newJobFields = [
  'id',
  'owner',
  'kind',
  'total',
  'counters',
  'meta',
  'attempts',
  'parent',
  'eventsPerSecond',
  'leaseMs',
  'startWithinMs',
  'ttlMs',
]
/** `id`, `attempt` and `action` are of the command around an update. */
const updateFields = ['increment', 'set', 'log', 'publish', 'id', 'attempt', 'action']
const setFields = ['total', 'stage', 'message', 'current']
const lineFields = ['level', 'message', 'data']
const eventFields = ['type', 'data']
const errorFields = ['code', 'message', 'retryable']
