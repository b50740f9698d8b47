import { expect, onTestFinished, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { event, put } from '#src/testing/store-contract/kit.js'
import { noRedis, redisForSuite } from './redis-suite.js'

test.skipIf(noRedis)('O3: what all namespaces keep is summed once for all nodes, for as long as asked', async () => {
  const { url, prefix, discard } = await redisForSuite()
  const open = async () => {
    const store = redisStore({ url, prefix, allowEviction: true })
    await store.open()
    return store
  }
  const [one, other] = [await open(), await open()]
  onTestFinished(async () => {
    await Promise.all([one.close(), other.close()])
    await discard()
  })
  const events = async (store: typeof one, maxAgeMs: number) => (await store.holdings?.ofAll({ maxAgeMs }))?.events
  await put(one, event('a'), 'first')
  expect(await events(one, 30_000)).toBe(1)
  await put(one, event('a'), 'second')
  // The other node takes what the first has found, and looks itself where that is too old.
  expect(await events(other, 30_000)).toBe(1)
  expect(await events(other, 0)).toBe(2)
  expect(await events(one, 30_000)).toBe(2)
})
