import type { Store } from '../../store/store.js'
import { put, type Suite } from './kit.js'

const sweep = { limit: 100, pauseMs: 5_000 }

const job = (topic: string, expect: number, afterMs: number, lease: boolean) => ({
  events: [],
  states: [{ topic, expect, value: topic, deadline: { afterMs, lease } }],
})

const due = async (store: Store, limit = 100): Promise<string[]> =>
  (await store.due({ ...sweep, limit })).map(({ namespace, topic }) => `${namespace} ${topic}`)

export function deadlineClauses({ describe, check, expect, reopens }: Suite): void {
  describe('deadlines', () => {
    check(
      'J6: what is overdue comes earliest first, in every namespace, until it is written',
      async ({ store, clock }) => {
        await store.due(sweep)
        await put(store, job('job:late', 0, 3_000, false), 'one')
        await put(store, job('job:early', 0, 1_000, false), 'two')
        await put(store, job('job:far', 0, 60_000, false), 'two')
        expect(await due(store)).toEqual([])
        await clock.advance(3_500)
        expect(await due(store)).toEqual(['two job:early', 'one job:late'])
        expect(await due(store, 1)).toEqual(['two job:early'])
        expect(await store.due({ ...sweep, limit: 1 })).toEqual([
          { namespace: 'two', topic: 'job:early', version: 1, value: 'job:early' },
        ])
        await put(store, { events: [], states: [{ topic: 'job:early', expect: 1, value: 'ended' }] }, 'two')
        expect(await due(store)).toEqual(['one job:late'])
      },
    )

    check('J6: a clock that goes back delays no deadline and ends none early', async ({ store, clock }) => {
      await store.due(sweep)
      await put(store, job('job:plain', 0, 4_000, false))
      await put(store, job('job:lease', 0, 2_000, true))
      clock.jump(-3_600_000)
      await Promise.all(['job:later', 'job:latest'].map((topic) => put(store, job(topic, 0, 3_000, true))))
      expect(await due(store)).toEqual([])
      await clock.advance(2_100)
      expect(await due(store)).toEqual(['n job:lease'])
      await clock.advance(1_000)
      expect((await due(store)).toSorted()).toEqual(['n job:later', 'n job:latest', 'n job:lease'])
      await clock.advance(1_000)
      expect((await due(store)).at(-1)).toBe('n job:plain')
    })

    check('J6: each write replaces the deadline; none and removal end it', async ({ store, clock }) => {
      await store.due(sweep)
      await put(store, job('job:renewed', 0, 1_000, true))
      await put(store, job('job:ended', 0, 1_000, true))
      await put(store, job('job:removed', 0, 1_000, true))
      await clock.advance(900)
      await put(store, job('job:renewed', 1, 1_000, true))
      await put(store, { events: [], states: [{ topic: 'job:ended', expect: 1, value: 'x', deadline: null }] })
      await put(store, { events: [], states: [{ topic: 'job:removed', expect: 1, value: null }] })
      await clock.advance(900)
      expect(await due(store)).toEqual([])
      await clock.advance(200)
      expect(await due(store)).toEqual(['n job:renewed'])
    })

    check('J6: a write may keep the deadline, also one that was granted after a pause', async ({ store, clock }) => {
      const keep = (topic: string, expect: number) =>
        put(store, { events: [], states: [{ topic, expect, value: 'kept', deadline: 'kept' }] })
      await store.due(sweep)
      await put(store, job('job:lease', 0, 10_000, true))
      await put(store, job('job:fixed', 0, 10_000, false))
      await put(store, { events: [], states: [{ topic: 'job:none', expect: 0, value: 'x' }] })
      await clock.advance(9_000)
      for (const topic of ['job:lease', 'job:fixed', 'job:none']) await keep(topic, 1)
      expect(await due(store)).toEqual([])
      await keep('job:lease', 2)
      await clock.advance(2_000)
      // The pause is over a lease granted at 9,000, whole and not what was left of it.
      expect(await due(store)).toEqual(['n job:fixed'])
      await keep('job:fixed', 2)
      for (let passedMs = 0; passedMs < 6_000; passedMs += 2_000) {
        await clock.advance(2_000)
        expect(await due(store)).toEqual(['n job:fixed'])
      }
      await clock.advance(2_500)
      expect(await due(store)).toEqual(['n job:fixed', 'n job:lease'])
    })

    check(
      'J6: after a pause of the sweep every lease is granted whole once, other deadlines stay',
      async ({ store, clock }) => {
        await store.due(sweep)
        await put(store, job('job:lease', 0, 10_000, true))
        await put(store, job('job:long', 0, 100_000, true))
        await put(store, job('job:fixed', 0, 10_000, false))
        await clock.advance(20_000)
        expect(await due(store)).toEqual(['n job:fixed'])
        for (let passedMs = 0; passedMs < 8_000; passedMs += 4_000) {
          await clock.advance(4_000)
          expect(await due(store)).toEqual(['n job:fixed'])
        }
        await clock.advance(3_000)
        expect(await due(store)).toEqual(['n job:fixed', 'n job:lease'])
      },
    )

    if (!reopens) return
    check('J6: time in which the store was closed does not count against a lease', async ({ store, clock, reopen }) => {
      await store.due(sweep)
      await put(store, job('job:lease', 0, 10_000, true))
      await put(store, job('job:fixed', 0, 10_000, false))
      await clock.advance(1_000)
      const again = await reopen()
      await clock.advance(60_000)
      expect(await due(again)).toEqual(['n job:fixed'])
      await clock.advance(4_000)
      await due(again)
      await clock.advance(4_000)
      await due(again)
      await clock.advance(3_000)
      expect(await due(again)).toEqual(['n job:fixed', 'n job:lease'])
    })
  })
}
