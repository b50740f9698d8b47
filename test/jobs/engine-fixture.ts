import { type FakeClock, fakeClock, seededRandom } from '#src/testing/index.js'
import { systemClock } from '#src/clock.js'
import { uuidv7Ids } from '#src/ids.js'
import { type JobsEngine, createJobs } from '#src/jobs/jobs.js'
import type { Job } from '#src/protocol/job.js'
import { decodeEnvelope, encodeEnvelope, type TidingsEvent } from '#src/protocol/event.js'
import type { DeclaredEvents } from '#src/protocol/declared-events.js'
import { parseCursor } from '#src/protocol/cursor.js'
import { systemRandom } from '#src/random.js'
import { memoryStore } from '#src/store/memory.js'
import type { Store } from '#src/store/store.js'

export const namespace = 'default'

export interface Bench {
  readonly store: Store
  readonly clock: FakeClock
  readonly errors: unknown[]
  /** Another process on the same store. */
  engine(): JobsEngine
}

/** Of all benches: two on one store must not make the same ids. */
let seed = 100

/** Memory on a fake clock; each engine has its own ids and randomness. */
export function bench(store?: Store, clock = fakeClock(), events?: DeclaredEvents): Bench {
  const errors: unknown[] = []
  const kept = store ?? memoryStore({ clock, random: seededRandom(1) })
  return {
    store: kept,
    clock,
    errors,
    engine: () => {
      const random = seededRandom(seed++)
      return createJobs({
        store: kept,
        clock,
        random,
        makeId: uuidv7Ids(clock, random),
        onError: (error) => errors.push(error),
        events,
      })
    },
  }
}

/** Engines on the real clock, each as a process of its own. */
export function realBench(
  store: Store,
  count: number,
  options: { readonly sweepMs?: number } = {},
): { readonly engines: readonly JobsEngine[]; readonly errors: unknown[]; close(): Promise<unknown> } {
  const errors: unknown[] = []
  const makeId = uuidv7Ids(systemClock, systemRandom)
  const onError = (error: unknown): void => void errors.push(error)
  const engines = Array.from({ length: count }, () =>
    createJobs({ store, clock: systemClock, random: systemRandom, makeId, onError, ...options }),
  )
  return { engines, errors, close: () => Promise.all(engines.map((engine) => engine.close())) }
}

/** Lets time pass until `promise` is settled: where processes meet, commands wait a moment for company. */
export async function during<Value>(clock: FakeClock, promise: Promise<Value>, stepMs = 20): Promise<Value> {
  let settled = false
  void promise.catch(() => {}).finally(() => void (settled = true))
  for (let passedMs = 0; !settled && passedMs < 600_000; passedMs += stepMs) await clock.advance(stepMs)
  return promise
}

/** All events of a topic after a cursor, as a reader gets them. */
export async function eventsAfter(store: Store, topic: string, cursor?: string): Promise<TidingsEvent[]> {
  const events: TidingsEvent[] = []
  let after = cursor === undefined ? ('start' as const) : (parseCursor(cursor) ?? ('start' as const))
  for (;;) {
    const page = await store.read(namespace, { topics: [topic], after, limit: 1_000, maxBytes: 1 << 20 })
    events.push(...page.events.map((event) => decodeEnvelope(encodeEnvelope(event, [topic]))))
    if (!page.more) return events
    after = page.upTo
  }
}

export const jobsOf = (events: readonly TidingsEvent[]): Job[] =>
  events.filter(({ type }) => type.startsWith('job.') && type !== 'job.log').map(({ data }) => data as Job)
