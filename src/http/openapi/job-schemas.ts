import { jobStatuses, logLevels } from '../../protocol/job.js'
import { jobLimits } from '../../protocol/job-input.js'
import { anyJson, flag, list, named, object, oneOf, orNull, type Schema, text, unixMs, whole } from './schema.js'

const id = text('An id of a job', { minLength: 1, maxLength: 128 })
const owner = text('user:<id>', { pattern: '^user:' })
const counters: Schema = {
  type: 'object',
  description: 'discovered, processed, failed, skipped are known, others are free',
  additionalProperties: { type: 'integer', minimum: 0 },
  maxProperties: jobLimits.counters,
}
const lease = whole('The lease of a running attempt', {
  minimum: jobLimits.leaseMs.from,
  maximum: jobLimits.leaseMs.to,
})
const duration = (description: string): Schema =>
  whole(description, { minimum: jobLimits.durationMs.from, maximum: jobLimits.durationMs.to })

/** What each command may carry beside its own members. */
const command = {
  'id?': text('Of the command: sent again with it, it changes nothing', { minLength: 1, maxLength: 128 }),
  'attempt?': whole('Of which attempt; default the current one', { minimum: 1 }),
} as const

const closed = { additionalProperties: false } as const

/** Jobs (PROTOCOL P10). */
export const jobSchemas: Readonly<Record<string, Schema>> = {
  Job: object('A job as it stands', {
    id,
    kind: text('What kind of work'),
    owner,
    status: oneOf(jobStatuses, 'The last three are final'),
    counters,
    total: orNull(whole('Of what percent is counted')),
    percent: orNull(whole('Never falls within an attempt', { minimum: 0, maximum: 100 })),
    stage: orNull(text('Where it is')),
    message: orNull(text('For people')),
    current: anyJson('What is worked on'),
    'meta?': anyJson('What it was created with'),
    'parent?': id,
    attempt: whole('Which attempt', { minimum: 1 }),
    attempts: whole('How many there may be', { minimum: 1, maximum: jobLimits.attempts }),
    version: whole('Rises with every change'),
    'cursor?': named('Cursor'),
    createdAt: unixMs('When it was created'),
    startedAt: orNull(whole('When its attempt began, Unix ms')),
    endedAt: orNull(whole('When it ended, Unix ms')),
    'result?': anyJson('What it came to'),
    'error?': named('JobError'),
    'retryOf?': id,
  }),
  JobError: object('Why it failed', {
    code: text('For programs'),
    message: text('For people: safe to show'),
    retryable: flag('Whether trying again may help'),
  }),
  NewJob: object(
    'A job to create',
    {
      'id?': id,
      owner,
      kind: text('What kind of work', { minLength: 1, maxLength: jobLimits.kindCharacters }),
      'total?': whole('Of what percent is counted', { minimum: 0 }),
      'counters?': counters,
      'meta?': anyJson('Any JSON'),
      'attempts?': whole('How often it may be begun', { minimum: 1, maximum: jobLimits.attempts }),
      'parent?': id,
      'eventsPerSecond?': whole('Most progress events', { minimum: 1, maximum: jobLimits.eventsPerSecond }),
      'leaseMs?': lease,
      'startWithinMs?': duration('It fails with expired when not started within'),
      'ttlMs?': duration('How long it is kept after its end'),
    },
    closed,
  ),
  MadeJob: object('A job, and a credential for reading and cancelling just it', {
    job: named('Job'),
    token: text('A Bearer token'),
  }),
  RetryJob: object('How to run it again', { 'id?': id }, closed),
  JobUpdate: object(
    'A change of a job, all in one step',
    {
      ...command,
      'increment?': counters,
      'set?': object(
        'What is to stand there',
        {
          'total?': whole('Of what percent is counted', { minimum: 0 }),
          'stage?': orNull(text('Where it is')),
          'message?': orNull(text('For people')),
          'current?': anyJson('What is worked on'),
        },
        closed,
      ),
      'log?': list(
        object('A line', { level: oneOf(logLevels, 'How bad'), message: text('What'), 'data?': anyJson('More') }),
        'Lines of its log',
        { maxItems: jobLimits.lines },
      ),
      'publish?': list(
        object('An event of a type of your own', { type: text('What happened'), data: anyJson('Any JSON') }),
        'Events on the topic of the job',
        { maxItems: jobLimits.events },
      ),
    },
    closed,
  ),
  JobCommand: object('A command without members of its own', command, closed),
  JobComplete: object('The end of work that was done', { ...command, 'result?': anyJson('What it came to') }, closed),
  JobFail: object('The end of work that failed', { ...command, error: named('JobError') }, closed),
  JobAnswer: object('What became of a command', {
    accepted: flag('Whether it changed, or had changed, the job'),
    'reason?': oneOf(['ended', 'fenced'], 'Why not: the job has its end; the command is of an older attempt'),
    job: named('Job'),
    'leaseMs?': whole('Renew about every third of it'),
  }),
  JobPage: object('Jobs, newest first', {
    jobs: list(named('Job'), 'Newest first'),
    cursor: named('Cursor'),
    'next?': text('Give it as `after` to read on'),
  }),
}
