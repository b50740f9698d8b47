import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { JobCommand } from '#src/protocol/job.js'
import { eventsAfter } from '../jobs/engine-fixture.js'
import { watched } from './face.js'

const crawl = { id: 'j1', owner: 'user:7', kind: 'crawl' }
const away = (): never => {
  throw new TidingsError('store_unavailable', 'Redis is away.', { retryAfterMs: 50 })
}
/** Answers are lost at random, after the work was done or before. */
const losing = (fraction: () => number) => () => {
  if (fraction() < 0.3) throw new TidingsError('indeterminate', 'The connection to Redis was cut.')
}

describe('a store that is away', () => {
  test('S5, J2: increments that nobody awaits are kept, merged, in order, and counted once when it is back', async () => {
    const { face, clock, commands, way, errors } = watched()
    const { job } = await face.create(crawl)
    await job.increment({ processed: 1 })
    way.fail = away
    for (let second = 0; second < 200; second++) {
      for (let page = 0; page < 10; page++) void job.increment({ processed: 1 })
      void job.set({ stage: `page ${second}` })
      await clock.advance(1_000)
    }
    way.fail = () => {}
    await clock.advance(11_000)
    expect(await job.snapshot()).toMatchObject({ counters: { processed: 2_001 }, stage: 'page 199' })
    // What failed was sent again as it was; the rest waited and went in one.
    const updates = commands.filter(({ action }) => action === 'update')
    expect(new Set(updates.map(({ id }) => id)).size).toBe(3)
    expect(new Set(updates.map((command) => JSON.stringify(command))).size).toBe(3)
    expect(errors).toMatchObject([{ code: 'store_unavailable' }]) // The lease, once.
    job.close()
  })

  test('S5: whoever serves a page is told at once; over HTTP what is asked is asked again', async () => {
    const local = watched()
    await local.face.create(crawl)
    local.way.fail = away
    await expect(local.face.cancel('j1')).rejects.toMatchObject({ code: 'store_unavailable', retryable: true })
    const remote = watched({ remote: true })
    await remote.face.create(crawl)
    let tries = 0
    remote.way.fail = () => ++tries < 3 && away()
    const cancelled = remote.face.cancel('j1')
    await remote.clock.advance(1_000)
    expect(await cancelled).toBe(true)
    tries = 0
    remote.way.read = () => ++tries < 3 && away()
    const read = remote.face.open('j1').snapshot()
    await remote.clock.advance(1_000)
    expect(await read).toMatchObject({ status: 'cancelled' })
  })

  test('J2, D3: with answers lost before and after the work, sums, order and the one end are exact', async () => {
    const { face, clock, store, way, commands } = watched()
    const { job } = await face.create({ ...crawl, total: 300 })
    let dice = 1
    const fraction = (): number => (dice = (dice * 48_271) % 2_147_483_647) / 2_147_483_647
    way.fail = losing(fraction)
    way.lose = losing(fraction)
    for (let nth = 0; nth < 300; nth++) {
      void job.increment({ processed: 1 })
      void job.publish('page.done', nth)
      if (nth % 10 === 9) await clock.advance(Math.ceil(fraction() * 300))
    }
    const ended = job.complete('all')
    const late = job.increment({ processed: 5 })
    await clock.advance(60_000)
    expect(await ended).toBe(true)
    expect(await late).toBe(false)
    expect(await job.snapshot()).toMatchObject({ status: 'completed', counters: { processed: 300 } })
    const events = await eventsAfter(store, 'job:j1')
    expect(events.filter(({ type }) => type === 'page.done').map(({ data }) => data)).toEqual(
      Array.from({ length: 300 }, (_, nth) => nth),
    )
    expect(commands.length).toBeGreaterThan(new Set(commands.map(({ id }) => id)).size)
  })

  test('J3: what is called after an end comes after it, also while the outbox is busy', async () => {
    const { face, commands } = watched()
    const { job } = await face.create(crawl)
    void job.increment({ processed: 1 })
    const ended = job.complete()
    const after = job.increment({ processed: 1 })
    expect([await ended, await after]).toEqual([true, false])
    expect((await job.snapshot())?.counters).toEqual({ processed: 1 })
    expect(commands.map(({ action }) => action)).toEqual(['update', 'complete', 'update'])
  })

  test('D3: of unknown fate for long it is given up as indeterminate, told to onError, and the next one goes on', async () => {
    const { face, clock, way, errors } = watched()
    const { job } = await face.create(crawl)
    way.fail = () => {
      throw new TidingsError('indeterminate', 'No answer.')
    }
    void job.increment({ processed: 1 })
    await clock.advance(1_000)
    void job.increment({ processed: 10 })
    await clock.advance(280_000)
    expect(errors).toMatchObject([{ code: 'indeterminate' }])
    way.fail = () => {}
    await clock.advance(11_000)
    expect((await job.snapshot())?.counters).toEqual({ processed: 10 })
    job.close()
  })

  test('what waits is bounded: lines beyond 16 MiB are refused and told; counters still count', async () => {
    const { face, clock, way, errors } = watched()
    const { job } = await face.create(crawl)
    way.fail = away
    const line = 'x'.repeat(4_000)
    let refused = 0
    for (let nth = 0; nth < 6_000; nth++) {
      job.log('info', line).catch(({ code }: TidingsError) => {
        if (code === 'rate_limited') refused++
      })
      void job.increment({ processed: 1 })
    }
    await clock.advance(0)
    expect(refused).toBeGreaterThan(1_000)
    expect(refused).toBeLessThan(3_000)
    expect(errors).toHaveLength(refused)
    way.fail = () => {}
    await clock.advance(30_000)
    expect(await job.snapshot()).toMatchObject({ counters: { processed: 6_000 } })
    job.close()
  })

  test('any number of handles may wait without a warning, and all hear of the close', async () => {
    const { face, clock, way, close, errors } = watched()
    const warnings: Error[] = []
    const warned = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warned)
    await face.create(crawl)
    way.fail = away
    for (let nth = 0; nth < 20; nth++) void face.open('j1').increment({ processed: 1 })
    await clock.advance(5_000)
    await new Promise((resolve) => setImmediate(resolve))
    close()
    await clock.advance(0)
    process.off('warning', warned)
    expect(warnings).toEqual([])
    expect(errors).toHaveLength(20)
    expect(clock.pending).toBe(0)
  })

  test.each(['store_full', 'store_read_only', 'quota', 'identity_unavailable', 'rate_limited', 'conflict'] as const)(
    'S5: a refusal that passes, %s, loses nothing that was counted',
    async (code) => {
      const { face, clock, way, errors } = watched()
      const { job } = await face.create(crawl)
      way.fail = () => {
        throw new TidingsError(code, 'Not now.')
      }
      void job.increment({ processed: 1 })
      await clock.advance(600_000)
      way.fail = () => {}
      await clock.advance(11_000)
      expect((await job.snapshot())?.counters).toEqual({ processed: 1 })
      expect(errors).toEqual([])
      job.close()
    },
  )

  test('closing ends what waits at once, and leaves no timer', async () => {
    const { face, clock, way, close, errors } = watched()
    const { job } = await face.create(crawl)
    way.fail = away
    const sent = job.increment({ processed: 1 })
    sent.catch(() => {})
    await clock.advance(5_000)
    close()
    await expect(sent).rejects.toMatchObject({ code: 'closed' })
    expect(errors).toMatchObject([{ code: 'closed' }])
    job.close()
    expect(clock.pending).toBe(0)
  })
})

describe('the lease', () => {
  test('J6: over a pause of two leases a quiet healthy job does not stall, and is renewed as soon as somebody listens', async () => {
    const { face, jobs, clock, way, errors, store } = watched()
    await face.create(crawl)
    let finish: () => void = () => {}
    const running = face.run('j1', () => new Promise<void>((resolve) => (finish = resolve)))
    // A hub sweeps, then it is away: nobody sweeps and nothing arrives.
    await store.due({ limit: 1, pauseMs: 2_000 })
    await clock.advance(1_000)
    way.fail = away
    await clock.advance(61_000)
    expect(errors).toMatchObject([{ code: 'store_unavailable' }])
    way.fail = () => {}
    jobs.start()
    await clock.advance(60_000)
    finish()
    expect(await running).toMatchObject({ status: 'completed', attempt: 1 })
    await jobs.close()
    expect(clock.pending).toBe(0)
  })

  test('J6: it is counted from when a command was first sent, not from when its answer came', async () => {
    const { face, clock, way, commands } = watched()
    const { job } = await face.create(crawl)
    let lost = 0
    way.lose = ({ action }: JobCommand) => {
      if (action === 'update' && lost++ < 1) throw new TidingsError('timeout', 'No answer.', { retryAfterMs: 20_000 })
    }
    void job.increment({ processed: 1 })
    await clock.advance(20_500)
    // Repeated, so it has renewed nothing: the lease has less than 10 s left, and a renewal goes at once.
    expect(commands.map(({ action }) => action)).toEqual(['update', 'update', 'renew'])
    job.close()
  })

  test('J6: renewals that find nobody come again and again, and stop with the handle', async () => {
    const { face, clock, way, commands } = watched()
    const { job } = await face.create(crawl)
    await job.increment({ processed: 1 })
    way.fail = away
    await clock.advance(30_000)
    const renewals = commands.filter(({ action }) => action === 'renew').length
    expect(renewals).toBeGreaterThan(6)
    job.close()
    expect(clock.pending).toBe(0)
  })
})
