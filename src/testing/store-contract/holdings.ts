import type { Holdings, Store } from '../../store/store.js'
import { event, put, type Suite } from './kit.js'

/** Of a store that can tell what it keeps; one that cannot passes them. */
export function holdingClauses({ describe, check, expect, reopens }: Suite): void {
  const holding = (promise: string, body: (bench: HoldingBench) => Promise<void>, limits = {}): void =>
    check(
      promise,
      async ({ store, clock, reopen }) => {
        if (store.holdings) await body({ store, holdings: store.holdings, clock, reopen })
      },
      limits,
    )

  describe('holdings', () => {
    holding('O3: events are counted once, topics and bytes as they are kept', async ({ store, holdings }) => {
      expect(await holdings.of('n')).toMatchObject({ events: 0, topics: 0, bytes: 0, quotaShare: 0, ids: 0 })
      await put(store, { events: [event('a'), event(['a', 'b', 'c']), event('b')] })
      await put(store, { events: [], states: [{ topic: 's', expect: 0, value: 'x'.repeat(100) }] })
      const described = await Promise.all(['a', 'b', 'c'].map((topic) => store.describe('n', topic)))
      const bytes = described.reduce((sum, topic) => sum + topic.bytes, 100)
      expect(await holdings.of('n')).toMatchObject({ events: 3, topics: 3, bytes, ids: 3 })
      await store.erase('n', 'a')
      expect((await holdings.of('n')).events).toBe(2)
      await store.erase('n', 'b')
      expect((await holdings.of('n')).events).toBe(1)
      await store.erase('n', 'c')
      expect(await holdings.of('n')).toMatchObject({ events: 0, bytes: 100 })
    })

    holding(
      'O3: what retention takes away is no longer counted',
      async ({ store, holdings, clock }) => {
        for (let round = 0; round < 60; round++) await put(store, { events: [event('a'), event(['a', 'user:7'])] })
        const kept = await store.describe('n', 'a')
        const personal = await store.describe('n', 'user:7')
        const { events, bytes } = await holdings.of('n')
        expect(bytes).toBe(kept.bytes + personal.bytes)
        expect(events).toBeGreaterThanOrEqual(Math.max(kept.count, personal.count))
        expect(events).toBeLessThanOrEqual(kept.count + personal.count)
        for (let minute = 0; minute < 40; minute++) {
          await clock.advance(60_000)
          await store.maintain()
        }
        expect(await holdings.of('n')).toMatchObject({ events: 0, topics: 0, bytes: 0 })
      },
      { retention: { events: 20, ageMs: 600_000, personalAgeMs: 1_200_000 } },
    )

    holding('O3: states are counted by their label and by what they wait for', async ({ store, holdings }) => {
      const lease = { afterMs: 30_000, lease: true }
      const later = { afterMs: 60_000, lease: false }
      const write = (topic: string, at: number, more: object) =>
        put(store, { events: [], states: [{ topic, expect: at, value: 'x', ...more }] })
      await write('one', 0, { label: 'queued', deadline: later })
      await write('two', 0, { label: 'queued', deadline: later })
      await write('bare', 0, {})
      expect(await holdings.of('n')).toMatchObject({ labels: { queued: 2 }, leases: 0, deadlines: 2 })
      await write('one', 1, { label: 'running', deadline: lease })
      await write('one', 2, { label: 'running', deadline: 'kept' })
      expect(await holdings.of('n')).toMatchObject({ labels: { queued: 1, running: 1 }, leases: 1, deadlines: 1 })
      await write('one', 3, { label: 'completed' })
      await write('two', 1, { value: null })
      await store.erase('n', 'bare')
      expect((await holdings.of('n')).labels).toEqual({ completed: 1 })
      expect(await holdings.of('n')).toMatchObject({ leases: 0, deadlines: 0 })
      await store.erase('n', 'one')
      expect(await holdings.of('n')).toMatchObject({ labels: {}, leases: 0, deadlines: 0, bytes: 0 })
    })

    holding(
      'D3: the window of ids is the age that was set, and shorter where the number of ids is reached first',
      async ({ store, holdings, clock }) => {
        await put(store, event('a'))
        await clock.advance(1_000)
        expect(await holdings.of('n')).toMatchObject({ ids: 1, idWindowMs: 60_000 })
        for (let second = 0; second < 50; second++) {
          await put(store, { events: Array.from({ length: 10 }, () => event('a')) })
          await clock.advance(1_000)
        }
        const { ids, idWindowMs } = await holdings.of('n')
        expect(ids).toBeGreaterThanOrEqual(100)
        expect(idWindowMs).toBeGreaterThanOrEqual(10_000)
        expect(idWindowMs).toBeLessThanOrEqual(16_000)
        await clock.advance(120_000)
        await store.maintain()
        expect(await holdings.of('n')).toMatchObject({ ids: 0, idWindowMs: 60_000 })
      },
      { idWindow: { ids: 100, ageMs: 60_000 } },
    )

    holding(
      'O3: all namespaces together are sums, with the fullest share and the shortest window',
      async ({ store, holdings }) => {
        await put(store, { events: [event('a'), event('b')] }, 'one')
        await put(store, { events: [], states: [{ topic: 's', expect: 0, value: 'x', label: 'queued' }] }, 'one')
        await put(store, { events: [], states: [{ topic: 's', expect: 0, value: 'x', label: 'queued' }] }, 'two')
        await put(store, event('a', { body: '"data":1' }), 'two')
        const [one, two] = [await holdings.of('one'), await holdings.of('two')]
        const all = await holdings.ofAll({ maxAgeMs: 0 })
        expect(all).toMatchObject({ namespaces: 2, events: 3, topics: 3, bytes: one.bytes + two.bytes, ids: 3 })
        expect(all.labels).toEqual({ queued: 2 })
        expect(all.quotaShare).toBe(Math.max(one.quotaShare, two.quotaShare))
        expect(all.idWindowMs).toBe(300_000)
      },
    )

    if (reopens)
      holding('O3: the figures outlive the store that counted', async ({ store, holdings, reopen }) => {
        const deadline = { afterMs: 1_000, lease: true }
        await put(store, {
          events: [event('a'), event(['a', 'b'])],
          states: [{ topic: 's', expect: 0, value: 'x', label: 'running', deadline }],
        })
        const before = await holdings.of('n')
        const again = await reopen()
        expect(await again.holdings?.of('n')).toEqual(before)
      })
  })
}

interface HoldingBench {
  readonly store: Store
  readonly holdings: Holdings
  readonly clock: { advance(ms: number): Promise<void> }
  readonly reopen: () => Promise<Store>
}
