import { expect } from 'vitest'
import { memoryStore } from '#src/store/memory.js'
import { fakeClock, seededRandom } from '#src/testing/index.js'
import { bench, namespace } from './engine-fixture.js'
import { live } from './lives.js'
import { collect } from '../fixtures/collect.js'

async function heapBytes(): Promise<number> {
  for (let nth = 0; nth < 4; nth++) {
    collect()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

const times = { leaseMs: 2_000, startWithinMs: 4_000, ttlMs: 5_000 }
/** Two attempts, a lease, a wait in the queue and the time after the end, with sweeps between. */
const untilGoneMs = 25_000

/** `rounds` of `concurrent` jobs, on a fake clock; after each the store, timers, maps and heap are where they began. */
export async function jobsComeAndGo(concurrent: number, rounds: number): Promise<number> {
  const clock = fakeClock()
  const limits = { retention: { ageMs: 10_000, personalAgeMs: 10_000 }, idWindow: { ageMs: 10_000 } }
  const store = memoryStore({ clock, random: seededRandom(1), ...limits })
  const { engine, errors } = bench(store, clock)
  const jobs = engine()
  jobs.start()
  const round = async (nth: number): Promise<number> => {
    await live(jobs, nth, concurrent, times)
    for (let passedMs = 0; passedMs < untilGoneMs; passedMs += 5_000) {
      await clock.advance(5_000)
      await store.maintain()
    }
    expect((await store.states(namespace, { limit: 1 })).states).toEqual([])
    expect(await store.idWindow(namespace)).toMatchObject({ ids: 0 })
    expect((await store.describe(namespace, 'jobs:0')).count).toBe(0)
    expect(jobs.stats().remembered).toBe(0)
    expect(clock.pending).toBe(1) // The sweep itself.
    return await heapBytes()
  }
  // The first two warm up code and maps that keep their capacity.
  await round(0)
  const before = await round(1)
  let after = before
  for (let nth = 2; nth < rounds; nth++) after = await round(nth)
  await jobs.close()
  expect(clock.pending).toBe(0)
  expect(errors).toEqual([])
  return after - before
}
