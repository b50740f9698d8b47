import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { systemClock } from '#src/clock.js'
import type { JobsEngine } from '#src/jobs/jobs.js'
import { type Job, type JobAction, type JobAnswer, isEnded, isTerminalType } from '#src/protocol/job.js'
import { systemRandom } from '#src/random.js'
import { memoryStore } from '#src/store/memory.js'
import type { Store } from '#src/store/store.js'
import { fakeClock, seededRandom } from '#src/testing/index.js'
import { makers } from '../store/makers.js'
import { bench, eventsAfter, jobsOf, namespace, realBench } from './engine-fixture.js'

const ids = ['root', 'middle', 'a', 'b']
const given = [
  { id: 'root', total: 30, attempts: 2 },
  { id: 'middle', parent: 'root' },
  { id: 'a', parent: 'middle', total: 10, attempts: 2 },
  { id: 'b', parent: 'middle', total: 10 },
] as const
const error = { code: 'error', message: 'No.', retryable: true }
const action = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .integer({ min: 1, max: 9 })
      .map((by): JobAction => ({ action: 'update', increment: { processed: by } })),
  },
  { weight: 2, arbitrary: fc.constantFrom<JobAction>({ action: 'start' }, { action: 'renew' }) },
  { weight: 1, arbitrary: fc.constantFrom<JobAction>({ action: 'fail', error }, { action: 'complete' }) },
)
const plan = fc.array(
  fc.record({ job: fc.nat(3), engine: fc.nat(2), action, twice: fc.boolean(), fenced: fc.boolean() }),
  { minLength: 1, maxLength: 30 },
)
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never

interface Sent {
  readonly job: string
  readonly action: JobAction
  readonly answers: Promise<JobAnswer>[]
}

/** Sends everything at once, some of it twice and through another process. */
function send(engines: readonly JobsEngine[], steps: Plan): Sent[] {
  return steps.map(({ job, engine, action: what, twice, fenced }, nth) => {
    const id = ids[job] as string
    const vias = twice ? [engine, engine + 1] : [engine]
    const command = { id: `c${nth}`, ...(fenced && { attempt: 1 }), ...what }
    return {
      job: id,
      action: what,
      answers: vias.map((via) => (engines[via % engines.length] as JobsEngine).command(namespace, id, command)),
    }
  })
}

async function check(
  store: Store,
  engine: JobsEngine,
  sent: readonly Sent[],
  snapshots: readonly Job[],
): Promise<void> {
  const now = new Map<string, Job>()
  for (const id of ids) now.set(id, (await engine.snapshot(namespace, id)) as Job)
  for (const { answers } of sent) {
    // Both get the first answer.
    expect(new Set((await Promise.all(answers)).map(({ accepted }) => accepted)).size).toBe(1)
  }
  const counted = async (id: string): Promise<number> => {
    let sum = 0
    for (const { job, action: what, answers } of sent) {
      const answer = await answers[0]
      if (job === id && answer?.accepted && what.action === 'update') sum += what.increment?.processed ?? 0
    }
    return sum
  }
  const processed = (id: string): number => now.get(id)?.counters.processed ?? 0
  for (const id of ['a', 'b']) {
    // An attempt that began anew has lost what the first one counted; with one attempt nothing is ever lost.
    const job = now.get(id) as Job
    if (job.attempt === 1) expect([id, processed(id)]).toEqual([id, await counted(id)])
    else expect(processed(id)).toBeLessThanOrEqual(await counted(id))
  }
  const [root, middle] = [now.get('root') as Job, now.get('middle') as Job]
  if (!isEnded(middle.status))
    expect(processed('middle')).toBe((await counted('middle')) + processed('a') + processed('b'))
  if (!isEnded(root.status) && root.attempt === 1)
    expect(processed('root')).toBe((await counted('root')) + processed('middle'))

  for (const id of ids) {
    const events = await eventsAfter(store, `job:${id}`)
    const ends = events.filter(({ type }) => isTerminalType(type))
    expect(ends.length).toBe(isEnded((now.get(id) as Job).status) ? 1 : 0)
    if (ends.length > 0) expect(isTerminalType(events.at(-1)?.type ?? '')).toBe(true)
    let before: Job | undefined
    for (const job of jobsOf(events)) {
      expect(job.version).toBeGreaterThan(before?.version ?? 0)
      expect(job.percent ?? 0).toBeLessThanOrEqual(100)
      if (before?.attempt === job.attempt) expect(job.percent ?? 0).toBeGreaterThanOrEqual(before.percent ?? 0)
      before = job
    }
  }
  for (const snapshot of snapshots) {
    // J7: what a reader has who took this and read on.
    let job = snapshot
    for (const next of jobsOf(await eventsAfter(store, `job:${snapshot.id}`, snapshot.cursor)))
      if (next.version > job.version) job = next
    const { cursor: _, ...seen } = job
    const { cursor: __, ...is } = now.get(snapshot.id) as Job
    expect(seen).toEqual(is)
  }
}

describe('several processes, whatever their order', () => {
  test('J2, J3, J4, J6, J7, J9: three processes over one store, every call held back by a scheduler', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plan, fc.array(fc.nat(3), { maxLength: 5 }), async (scheduler, steps, looks) => {
        const clock = fakeClock()
        const kept = memoryStore({ clock, random: seededRandom(1) })
        const held: Store = {
          ...kept,
          append: async (...args) => {
            await scheduler.schedule(Promise.resolve('append'))
            const result = await kept.append(...args)
            await scheduler.schedule(Promise.resolve('appended'))
            return result
          },
          state: async (...args) => {
            await scheduler.schedule(Promise.resolve('read'))
            const read = await kept.state(...args)
            await scheduler.schedule(Promise.resolve('was read'))
            return read
          },
        }
        const plain = bench(kept, clock).engine()
        for (const each of given) await plain.create(namespace, { owner: 'user:7', kind: 'k', ...each })
        await plain.close()
        const { engine, errors } = bench(held, clock)
        const engines = [engine(), engine(), engine()]
        const sent = send(engines, steps)
        const snapshots: Job[] = []
        const looked = looks.map(async (job) => {
          snapshots.push((await (engines[1] as JobsEngine).snapshot(namespace, ids[job] as string)) as Job)
        })
        let settled = false
        const all = Promise.allSettled([...sent.flatMap(({ answers }) => answers), ...looked]).then(
          () => (settled = true),
        )
        // Until all is answered, and then for what was withheld.
        for (
          let turn = 0;
          turn < 2_000 && !(settled && turn > 5 && scheduler.count() === 0 && clock.pending === 0);
          turn++
        ) {
          while (scheduler.count() > 0) await scheduler.waitOne()
          await clock.advance(20)
        }
        await all
        expect(errors).toEqual([])
        await check(kept, plain, sent, snapshots)
      }),
      { numRuns: process.env.TIDINGS_FULL ? 500 : 40 },
    )
  })

  test.each(makers)('J2, J3, J4, J6, J7, J9: three processes over %s', async (_, make) => {
    await fc.assert(
      fc.asyncProperty(plan, fc.array(fc.nat(3), { maxLength: 5 }), async (steps, looks) => {
        const { store, discard } = await make({ clock: systemClock, random: systemRandom })
        const { engines, errors, close } = realBench(store, 3)
        try {
          const [first] = engines as [JobsEngine]
          for (const each of given) await first.create(namespace, { owner: 'user:7', kind: 'k', ...each })
          const sent = send(engines, steps)
          const looked = looks.map((job) => first.snapshot(namespace, ids[job] as string) as Promise<Job>)
          await Promise.all([...sent.flatMap(({ answers }) => answers), ...looked])
          // What is withheld leaves within half a second: an end above them all would not wait for it either.
          await expect
            .poll(async () =>
              (await Promise.all(ids.map((id) => store.state(namespace, `job:${id}`)))).some(({ state }) =>
                state?.value.includes('"withheld":true'),
              ),
            )
            .toBe(false)
          await check(store, first, sent, await Promise.all(looked))
          expect(errors).toEqual([])
        } finally {
          await close()
          await discard()
        }
      }),
      { numRuns: process.env.TIDINGS_FULL ? 60 : 6 },
    )
  })
})
