import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#src/clock.js'
import { uuidv7Ids } from '#src/ids.js'
import { createJobs, type JobsEngine } from '#src/jobs/jobs.js'
import { isTerminalType, type JobCommand } from '#src/protocol/job.js'
import { systemRandom } from '#src/random.js'
import { sqliteStore } from '#src/store/sqlite.js'
import type { Store } from '#src/store/store.js'
import { eventsAfter, jobsOf, namespace } from './engine-fixture.js'

const makeId = uuidv7Ids(systemClock, systemRandom)

describe('jobs on SQLite', () => {
  let folder: string
  let store: Store
  let engines: JobsEngine[]
  const errors: unknown[] = []
  const open = async (): Promise<void> => {
    store = sqliteStore(join(folder, 'jobs.db'))
    await store.open()
    engines = Array.from({ length: 8 }, () =>
      createJobs({
        store,
        clock: systemClock,
        random: systemRandom,
        makeId,
        onError: (error) => errors.push(error),
        sweepMs: 100,
      }),
    )
  }
  const close = async (): Promise<void> => {
    await Promise.all(engines.map((engine) => engine.close()))
    await store.close()
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-jobs-'))
    await open()
  })
  afterAll(async () => {
    await close()
    await rm(folder, { recursive: true })
  })

  test('J2: 4,000 increments through eight engines, every other sent twice, give the exact sum', async () => {
    await engines[0]?.create(namespace, { id: 'sum', owner: 'user:7', kind: 'sum', total: 4_000 })
    const startedAt = performance.now()
    const sent = Array.from({ length: 4_000 }, (_, nth) => {
      const command: JobCommand = { id: `${nth}`, action: 'update', increment: { processed: 1 } }
      const vias = nth % 2 ? [nth % 8] : [nth % 8, (nth + 3) % 8]
      return vias.map((via) => engines[via]?.command(namespace, 'sum', command))
    })
    const answers = await Promise.all(sent.flat())
    console.log(`sqlite: 4,000 increments through 8 engines in ${Math.round(performance.now() - startedAt)} ms`)
    expect(answers.every((answer) => answer?.accepted)).toBe(true)
    expect(await engines[1]?.snapshot(namespace, 'sum')).toMatchObject({ counters: { processed: 4_000 }, percent: 100 })
    const percents = jobsOf(await eventsAfter(store, 'job:sum')).map(({ percent }) => percent ?? 0)
    expect(percents).toEqual([...percents].sort((a, b) => a - b))
  })

  test('J3: of eight who complete one wins, with one terminal event', async () => {
    await engines[0]?.create(namespace, { id: 'end', owner: 'user:7', kind: 'end' })
    const answers = await Promise.all(
      engines.map((engine, at) => engine.command(namespace, 'end', { id: `e${at}`, action: 'complete', result: at })),
    )
    expect(answers.filter(({ accepted }) => accepted)).toHaveLength(1)
    expect((await eventsAfter(store, 'job:end')).filter(({ type }) => isTerminalType(type))).toHaveLength(1)
  })

  test('J6: stalled, expired and gone also after the file was closed and opened again', async () => {
    const given = { owner: 'user:7', kind: 'late', ttlMs: 1_500 }
    await engines[0]?.create(namespace, { ...given, id: 'expires', startWithinMs: 300 })
    await engines[0]?.create(namespace, { ...given, id: 'stalls', leaseMs: 1_000 })
    await engines[0]?.command(namespace, 'stalls', { id: 's', action: 'start' })
    await close()
    await open()
    const reached = (id: string, status: string) =>
      new Promise<unknown>((resolve) => {
        const undo = engines[1]?.follow(namespace, id, (job) => {
          if (job.status !== status) return
          setImmediate(() => undo?.())
          resolve(job.error?.code)
        })
      })
    const ends = Promise.all([reached('expires', 'failed'), reached('stalls', 'failed')])
    for (const engine of engines) engine.start()
    expect(await ends).toEqual(['expired', 'stalled'])
    await expect.poll(() => engines[2]?.snapshot(namespace, 'stalls')).toBeNull()
    expect(errors).toEqual([])
  })
})
