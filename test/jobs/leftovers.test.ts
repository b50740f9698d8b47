import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadDriver } from '#src/store/sqlite/driver.js'
import { sqliteStore } from '#src/store/sqlite.js'
import { namespace, realBench } from './engine-fixture.js'
import { jobsComeAndGo } from './leftovers.js'
import { live } from './lives.js'

describe('what jobs leave behind', () => {
  test('J8: 1,000 concurrent jobs, 4,000 in all, leave no state, no event, no timer, no memory', async () => {
    const grownBytes = await jobsComeAndGo(1_000, 4)
    // A kilobyte for each of the last 2,000 would be twice this.
    expect(grownBytes).toBeLessThan(1_000_000)
  })

  test('J8: in SQLite they leave no row', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-leftovers-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'jobs.db')
    const store = sqliteStore(file, { retention: { ageMs: 500, personalAgeMs: 500 }, idWindow: { ageMs: 500 } })
    await store.open()
    const { engines, errors, close } = realBench(store, 2, { sweepMs: 100 })
    for (const engine of engines) engine.start()
    const [jobs] = engines
    if (!jobs) throw new Error('no engine')
    await live(jobs, 0, 500, { leaseMs: 1_000, startWithinMs: 500, ttlMs: 500 })
    const states = async (): Promise<number> => (await store.states(namespace, { limit: 1 })).states.length
    await expect.poll(states, { timeout: 30_000, interval: 200 }).toBe(0)
    await expect.poll(() => jobs.stats().remembered).toBe(0)
    const tables = ['events', 'topics', 'entries', 'ids', 'states']
    await close()
    await store.close()
    const rows = async (): Promise<number[]> => {
      const again = sqliteStore(file, { retention: { ageMs: 500, personalAgeMs: 500 }, idWindow: { ageMs: 500 } })
      await again.open()
      await again.maintain()
      await again.close()
      const database = (await loadDriver())(file)
      const counts = tables.map(
        (table) => (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n,
      )
      database.close()
      return counts
    }
    await expect.poll(rows, { interval: 300 }).toEqual(tables.map(() => 0))
    expect(errors).toEqual([])
  })
})
