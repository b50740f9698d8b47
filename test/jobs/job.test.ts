import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { type Command, type JobEvent, type Step, create, flushWaitMs, reduce } from '#src/jobs/job.js'
import { percentOf } from '#src/jobs/progress.js'
import { type JobState, decodeState, encodeState } from '#src/jobs/state.js'
import { checkNewJob } from '#src/protocol/job-input.js'
import { type Job, isEnded, isTerminalType } from '#src/protocol/job.js'

const t0 = 1_800_000_000_000
const newJob = (given: object = {}): Step =>
  create(
    'j1',
    { eventsPerSecond: 10, ...checkNewJob({ owner: 'user:7', kind: 'crawl', ...given }).job },
    [],
    'origin',
    t0,
  )

const next = (state: JobState, command: Command, now = t0): Step => {
  const reduced = reduce(state, command, now)
  if (reduced.outcome !== 'next') throw new Error(`Not accepted: ${JSON.stringify(reduced)}`)
  return reduced
}

interface Told extends JobEvent {
  readonly at: number
}
/** Plays commands, each some ms after the one before, and returns what was told, with the sums of what was accepted. */
function play(commands: readonly { command: Command; afterMs: number }[], first = newJob()) {
  let { state } = first
  let now = t0
  const told: Told[] = first.events.map((event) => ({ ...event, at: now }))
  const sums = new Map<string, number>()
  const answers: string[] = []
  for (const { command, afterMs } of commands) {
    now += afterMs
    const reduced = reduce(state, command, now)
    answers.push(reduced.outcome === 'refused' ? reduced.reason : reduced.outcome)
    if (reduced.outcome !== 'next') continue
    state = reduced.state
    told.push(...reduced.events.map((event) => ({ ...event, at: now })))
    if (command.action !== 'update') continue
    for (const [name, by = 0] of Object.entries(command.increment ?? {})) sums.set(name, (sums.get(name) ?? 0) + by)
  }
  return { state, told, sums, answers, now }
}

const counters = fc.dictionary(
  fc.constantFrom('discovered', 'processed', 'failed', 'skipped', 'constructor'),
  fc.nat(50),
  { maxKeys: 3 },
)
const worker: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: counters.map((increment): Command => ({ action: 'update', increment })) },
  { weight: 3, arbitrary: fc.nat(300).map((total): Command => ({ action: 'update', set: { total } })) },
  { weight: 2, arbitrary: fc.string().map((message): Command => ({ action: 'update', set: { message } })) },
  {
    weight: 2,
    arbitrary: fc.string().map((message): Command => ({ action: 'update', log: [{ level: 'info', message }] })),
  },
  { weight: 1, arbitrary: fc.constantFrom<Command>({ action: 'start' }, { action: 'renew' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Command>(
      { action: 'update', attempt: 1 },
      { action: 'update', attempt: 2, increment: { processed: 1 } },
    ),
  },
)
const ends = fc.constantFrom<Command>(
  { action: 'complete', result: { pages: 1 } },
  { action: 'fail', error: { code: 'error', message: 'The job failed.', retryable: false } },
  { action: 'cancel' },
)
const anything = fc.oneof(
  { weight: 20, arbitrary: worker },
  { weight: 1, arbitrary: ends },
  { weight: 3, arbitrary: fc.constant<Command>({ action: 'flush' }) },
)
const sequence = fc.array(fc.record({ command: anything, afterMs: fc.oneof(fc.constant(0), fc.nat(400)) }), {
  maxLength: 80,
})

describe('whatever comes, in whatever order', () => {
  test('J2: each counter is the exact sum of the increments that were accepted', () => {
    fc.assert(
      fc.property(sequence, (commands) => {
        const { state, sums } = play(commands)
        expect(state.job.counters).toEqual(Object.fromEntries(sums))
      }),
    )
  })

  test('J4: percent never falls, never passes 100, and every event carries a newer version of the whole job', () => {
    fc.assert(
      fc.property(sequence, (commands) => {
        const jobs = play(commands)
          .told.filter(({ type }) => type !== 'job.log')
          .map(({ data }) => data as Job)
        let before: Job | undefined
        for (const job of jobs) {
          if (before) {
            expect(job.version).toBeGreaterThan(before.version)
            expect(job.percent ?? 0).toBeGreaterThanOrEqual(before.percent ?? 0)
          }
          expect(job.percent ?? 0).toBeLessThanOrEqual(100)
          expect(Object.keys(job)).toEqual(expect.arrayContaining(['counters', 'total', 'stage', 'message', 'current']))
          before = job
        }
      }),
    )
  })

  test('J3: one end at most, nothing after it, and it is final', () => {
    fc.assert(
      fc.property(sequence, fc.array(anything, { maxLength: 10 }), (commands, later) => {
        const { state, told, now } = play(commands)
        const at = told.findIndex(({ type }) => isTerminalType(type))
        if (at < 0) return void expect(isEnded(state.job.status)).toBe(false)
        expect(at).toBe(told.length - 1)
        expect(told[at]?.data).toEqual(state.job)
        for (const command of later) {
          const reduced = reduce(state, command, now + 1)
          expect(reduced).toEqual(
            command.action === 'flush' ? { outcome: 'nothing' } : { outcome: 'refused', reason: 'ended' },
          )
        }
      }),
    )
  })

  test('J6: commands of another attempt are refused and change nothing', () => {
    fc.assert(
      fc.property(sequence, (commands) => {
        const { state, answers } = play(commands)
        commands.forEach(({ command }, at) => {
          if ('attempt' in command && command.attempt === 2) expect(['fenced', 'ended']).toContain(answers[at])
        })
        const mine = commands.filter(({ command }) => !('attempt' in command && command.attempt === 2))
        const merged = mine.map(({ command }) => ({ command, afterMs: 0 }))
        expect(play(merged).state.job.counters).toEqual(state.job.counters)
      }),
    )
  })

  test('any prefix, kept as text and read again, leads to the same state and events', () => {
    fc.assert(
      fc.property(sequence, fc.nat(80), (commands, cut) => {
        const whole = play(commands)
        const head = play(commands.slice(0, cut))
        const elapsed = commands.slice(0, cut).reduce((sum, { afterMs }) => sum + afterMs, 0)
        const [first, ...rest] = commands.slice(cut)
        const kept: Step = {
          outcome: 'next',
          state: decodeState(encodeState(head.state)),
          events: [],
          deadline: { afterMs: 1, lease: true },
        }
        const tail = first ? play([{ ...first, afterMs: elapsed + first.afterMs }, ...rest], kept) : play([], kept)
        expect(tail.state).toEqual(whole.state)
        expect([...head.told, ...tail.told]).toEqual(whole.told)
      }),
    )
  })

  test('J5: no second sees more than ten progress and log events, and what is withheld leaves soon', () => {
    fc.assert(
      fc.property(sequence, (commands) => {
        const { told, state, now } = play(commands)
        const throttled = told.filter(({ type }) => type === 'job.progress' || type === 'job.log')
        throttled.forEach(({ at }) => {
          expect(throttled.filter((other) => other.at >= at && other.at < at + 1_000).length).toBeLessThanOrEqual(10)
        })
        const waitMs = flushWaitMs(state, now)
        if (waitMs === null || isEnded(state.job.status)) return
        expect(waitMs).toBeLessThanOrEqual(400)
        const flushed = next(state, { action: 'flush' }, now + waitMs)
        expect(flushWaitMs(flushed.state, now + waitMs)).toBeNull()
      }),
    )
  })

  test('J2: no line of the log is lost or told twice', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ afterMs: fc.nat(50), size: fc.nat(3_000) }), { maxLength: 60 }), (lines) => {
        const commands = lines.map(({ afterMs, size }, at) => ({
          afterMs,
          command: {
            action: 'update',
            log: [{ level: 'info', message: `${at} ${'x'.repeat(size)}` }],
          } satisfies Command,
        }))
        const { told } = play([...commands, { afterMs: 0, command: { action: 'complete' } }])
        const heard = told.flatMap(({ type, data }) =>
          type === 'job.log' ? (data as { lines: { message: string }[] }).lines : [],
        )
        expect(heard.map(({ message }) => Number(message.split(' ')[0]))).toEqual(lines.map((_, at) => at))
        for (const { data } of told) expect(JSON.stringify(data).length).toBeLessThan(64 * 1024)
      }),
    )
  })
})

describe('rules one by one', () => {
  test('J4: the first accepted worker command makes a job running; a cancel does not', () => {
    const queued = newJob().state
    for (const command of [
      { action: 'start' },
      { action: 'renew' },
      { action: 'update', increment: { processed: 1 } },
    ] as const) {
      const step = next(queued, command, t0 + 5)
      expect(step.state.job).toMatchObject({ status: 'running', startedAt: t0 + 5 })
      expect(step.events[0]?.type).toBe('job.started')
    }
    expect(next(queued, { action: 'cancel' }).events.map(({ type }) => type)).toEqual(['job.cancelled'])
    expect(next(queued, { action: 'complete' }).events.map(({ type }) => type)).toEqual([
      'job.started',
      'job.completed',
    ])
  })

  test('start on a running job is accepted and publishes nothing (§4)', () => {
    const running = next(newJob().state, { action: 'start' }).state
    const again = next(running, { action: 'start' }, t0 + 1)
    expect(again.events).toEqual([])
    expect(again.state.job).toEqual(running.job)
  })

  test('J4: total is the larger of what was set and discovered, or null', () => {
    const { state } = play([{ command: { action: 'update', increment: { discovered: 20, processed: 5 } }, afterMs: 0 }])
    expect(state.job).toMatchObject({ total: 20, percent: 25 })
    expect(next(state, { action: 'update', set: { total: 50 } }).state.job).toMatchObject({ total: 50, percent: 25 })
    expect(next(state, { action: 'update', set: { total: 10 } }).state.job).toMatchObject({ total: 20 })
    expect(newJob().state.job).toMatchObject({ total: null, percent: null })
  })

  test('J4: completed makes it 100, failed and cancelled leave it', () => {
    const { state } = play([
      { command: { action: 'update', set: { total: 4 }, increment: { processed: 1 } }, afterMs: 0 },
    ])
    expect(next(state, { action: 'complete' }).state.job.percent).toBe(100)
    expect(next(state, { action: 'cancel' }).state.job.percent).toBe(25)
    expect(next(newJob().state, { action: 'complete' }).state.job.percent).toBe(100)
  })

  test('J4: percent is exact for huge counters, and 100 only when all is done', () => {
    const total = Number.MAX_SAFE_INTEGER
    expect(percentOf({ processed: total - 1 }, total, null)).toBe(99)
    expect(percentOf({ processed: total }, total, null)).toBe(100)
    expect(percentOf({ processed: total, failed: total, skipped: total }, total, null)).toBe(100)
    expect(percentOf({}, 0, null)).toBe(0)
  })

  test('a counter that would be inexact is refused, and nothing of the command counts', () => {
    const { state } = play([
      { command: { action: 'update', increment: { bytes: Number.MAX_SAFE_INTEGER } }, afterMs: 0 },
    ])
    expect(reduce(state, { action: 'update', increment: { bytes: 1 } }, t0)).toEqual({
      outcome: 'invalid',
      field: 'increment.bytes',
    })
  })

  test('J5: five steps in one moment are five events; the sixth waits and leaves with the whole state', () => {
    const steps = Array.from({ length: 6 }, () => ({
      command: { action: 'update', increment: { processed: 1 } } satisfies Command,
      afterMs: 0,
    }))
    const { told, state } = play([{ command: { action: 'start' }, afterMs: 0 }, ...steps])
    expect(
      told.filter(({ type }) => type === 'job.progress').map(({ data }) => (data as Job).counters.processed),
    ).toEqual([1, 2, 3, 4, 5])
    expect(flushWaitMs(state, t0)).toBe(200)
    expect(reduce(state, { action: 'flush' }, t0 + 199)).toEqual({ outcome: 'nothing' })
    const flushed = next(state, { action: 'flush' }, t0 + 200)
    expect(flushed.events).toMatchObject([
      { type: 'job.progress', conflated: true, data: { counters: { processed: 6 } } },
    ])
  })

  test('J6: a running job fails with stalled, a queued one with expired, an ended one is gone', () => {
    const queued = newJob({ leaseMs: 5_000, startWithinMs: 60_000, ttlMs: 9_000 })
    expect(queued.deadline).toEqual({ afterMs: 60_000, lease: false })
    expect(next(queued.state, { action: 'deadline' }).state.job).toMatchObject({
      status: 'failed',
      error: { code: 'expired' },
    })
    const running = next(queued.state, { action: 'start' })
    expect(running.deadline).toEqual({ afterMs: 5_000, lease: true })
    const stalled = next(running.state, { action: 'deadline' })
    expect(stalled.state.job).toMatchObject({ status: 'failed', error: { code: 'stalled', retryable: true } })
    expect(stalled.deadline).toEqual({ afterMs: 9_000, lease: false })
    expect(reduce(stalled.state, { action: 'deadline' }, t0)).toEqual({ outcome: 'gone' })
  })

  test('J6: a flush is no sign of life: it leaves the lease as it was', () => {
    const { state } = play(
      Array.from({ length: 7 }, () => ({ command: { action: 'update', increment: { processed: 1 } }, afterMs: 0 })),
    )
    expect(next(state, { action: 'flush' }, t0 + 250).deadline).toBe('kept')
  })

  test('application events and lines held back leave before the end, in the same step', () => {
    const many = Array.from({ length: 8 }, (_, at) => ({
      command: { action: 'update', log: [{ level: 'info', message: `${at}` }] } satisfies Command,
      afterMs: 0,
    }))
    const { state } = play(many)
    const end = next(state, { action: 'complete' })
    expect(end.events.map(({ type }) => type)).toEqual(['job.log', 'job.completed'])
    const own = next(newJob().state, { action: 'update', publish: [{ type: 'page.crawled', data: { url: '/' } }] })
    expect(own.events.at(-1)).toMatchObject({ type: 'page.crawled', data: { url: '/' } })
  })
})
