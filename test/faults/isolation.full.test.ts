import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sqliteStore } from '#src/store/sqlite.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { runIsolation } from './isolation.js'
import { storeOn } from './redis-bench.js'

describe('isolation for a minute', () => {
  test.skipIf(noRedis)(
    'A3, A5, I13: 200 people in 20 namespaces, on three nodes with one Redis',
    async () => {
      const { url } = await redisForTest()
      const stores = [url, url, url].map((one) => storeOn(one))
      const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
      const { violations, errors, ...rest } = await runIsolation({ seed, durationMs: 60_000, stores })
      console.log(JSON.stringify({ seed, ...rest }))
      expect([seed, violations, errors]).toEqual([seed, [], []])
      expect(rest.bytes).toBeGreaterThan(5_000_000)
    },
    120_000,
  )

  test('A3, A5, I13: the same on one node with SQLite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-isolation-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    const stores = [sqliteStore(join(folder, 'hub.db'))]
    const { violations, errors, ...rest } = await runIsolation({ seed, durationMs: 60_000, stores })
    console.log(JSON.stringify({ seed, ...rest }))
    expect([seed, violations, errors]).toEqual([seed, [], []])
  }, 120_000)
})
