import { expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Job } from '#src/protocol/job.js'
import { awayStore } from '../hub/away-store.js'
import { bench, during, namespace } from './engine-fixture.js'

async function start() {
  const store = awayStore()
  const { clock, engine, errors } = bench(store)
  const jobs = engine()
  const { job } = await during(clock, jobs.create(namespace, { owner: 'user:7', kind: 'crawl' }))
  const seen: string[] = []
  const follow = (): (() => void) => jobs.follow(namespace, job.id, (each: Job) => seen.push(each.status))
  const cancel = async (): Promise<void> => {
    await during(clock, engine().command(namespace, job.id, { id: 'stop', action: 'cancel' }))
    await clock.advance(0)
  }
  return { store, clock, jobs, errors, seen, follow, cancel }
}

test('J6, S5: a worker that begins to listen while the store is away hears of a cancel when it is back', async () => {
  const { store, clock, jobs, seen, follow, cancel } = await start()
  store.leave()
  follow()
  await clock.advance(5_000)
  expect(seen).toEqual([])
  await store.comeBack()
  await clock.advance(0)
  await cancel()
  expect(seen).toEqual(['queued', 'cancelled'])
  await jobs.close()
  expect(store.followers).toBe(0)
})

test('J6, S5: what happened to a job while its store was away is told when it is back', async () => {
  const { store, clock, jobs, seen, follow, cancel } = await start()
  follow()
  await clock.advance(0)
  // The feed is cut first, so that nobody hears of it.
  store.feed = false
  await cancel()
  store.leave()
  await clock.advance(1_000)
  expect(seen).toEqual(['queued'])
  store.feed = true
  await store.comeBack()
  await clock.advance(0)
  expect(seen).toEqual(['queued', 'cancelled'])
  await jobs.close()
})

test('J6: an announcement that was lost on the way is noticed by the next one', async () => {
  const { store, clock, jobs, seen, follow, cancel } = await start()
  follow()
  await clock.advance(0)
  store.feed = false
  await cancel()
  store.feed = true
  await jobs.create(namespace, { owner: 'user:8', kind: 'other' })
  await clock.advance(0)
  expect(seen).toEqual(['queued', 'cancelled'])
  await jobs.close()
})

test('S5: a store that says it is there and cannot be followed is tried again, and no more when nobody listens', async () => {
  const { store, clock, jobs, errors, seen, follow } = await start()
  const { follow: real } = store
  let tries = 0
  Object.assign(store, {
    follow: (...given: Parameters<typeof real>) =>
      ++tries < 3 ? Promise.reject(new TidingsError('store_unavailable', 'no')) : real(...given),
  })
  const stop = follow()
  await clock.advance(2_500)
  expect([tries, errors.length, seen]).toEqual([3, 2, ['queued']])
  stop()
  tries = 0
  follow()()
  await clock.advance(5_000)
  expect(tries).toBe(1)
  await jobs.close()
})
