import { event, fill, put, query, type Suite, seqs } from './kit.js'

const minuteMs = 60_000

export function retentionClauses({ describe, check, expect, reopens }: Suite): void {
  describe('retention', () => {
    check(
      'S4: by count the newest stay, at most a tenth more, and a reader behind them hears of it',
      async ({ store }) => {
        await put(store, event('quiet'))
        const start = { ...(await store.head('n')), seq: 0 }
        await fill(store, 'a', 300)
        const { count, first, last, bytes } = await store.describe('n', 'a')
        expect(count).toBeGreaterThanOrEqual(100)
        expect(count).toBeLessThanOrEqual(110)
        expect([first, last]).toEqual([302 - count, 301])
        expect(bytes).toBeGreaterThan(0)
        const late = await store.read('n', query(['a', 'quiet'], start))
        expect(late.gaps).toEqual([{ reason: 'expired', topics: ['a'] }])
        expect(seqs(late.events)).toEqual([1, ...Array.from({ length: count }, (_, at) => 302 - count + at)])
        const whole = await store.read('n', query('a', { ...start, seq: (first ?? 0) - 1 }))
        expect([whole.gaps, whole.events.length]).toEqual([[], count])
        const cut = await store.read('n', query('a', { ...start, seq: (first ?? 0) - 2 }))
        expect(cut.gaps).toEqual([{ reason: 'expired', topics: ['a'] }])
        expect((await store.read('n', query('a', 'start'))).gaps).toEqual([])
      },
      { retention: { events: 100 } },
    )

    check(
      'S4: by bytes the newest stay, whichever of the two is reached first',
      async ({ store }) => {
        const body = `"data":"${'x'.repeat(1_000)}"`
        await fill(store, 'a', 60, { body })
        const { count, first } = await store.describe('n', 'a')
        expect(count).toBeGreaterThanOrEqual(17)
        expect(count).toBeLessThanOrEqual(24)
        const start = { ...(await store.head('n')), seq: (first ?? 0) - 2 }
        expect((await store.read('n', query('a', start))).gaps).toEqual([{ reason: 'expired', topics: ['a'] }])
        await put(store, event('a', { body: `"data":"${'x'.repeat(50_000)}"` }))
        const { events } = await store.read('n', query('a', 'start'))
        expect(events.at(-1)?.seq).toBe(61)
      },
      { retention: { bytes: 20_000 } },
    )

    check(
      'S4: by age events go, those of people later, and a quiet topic tells an old cursor from a young one',
      async ({ store, clock }) => {
        const pass = async (minutes: number, stepMinutes = 1): Promise<void> => {
          for (let passed = 0; passed < minutes; passed += stepMinutes) {
            await clock.advance(stepMinutes * minuteMs)
            await store.maintain()
          }
        }
        const atOpening = await store.head('n')
        await put(store, { events: [event('a'), event('user:7'), event('jobs:7')] })
        const early = await store.head('n')
        await pass(10)
        const late = (await put(store, event('other'))).position
        await pass(55)
        await put(store, event('other'))
        expect((await store.describe('n', 'a')).count).toBe(1)
        await pass(8)
        await put(store, event('other'))
        const counts = async () =>
          Promise.all(['a', 'user:7', 'jobs:7'].map(async (topic) => (await store.describe('n', topic)).count))
        expect(await counts()).toEqual([0, 1, 1])
        const topics = ['a', 'never used', 'user:7']
        const old = await store.read('n', query(topics, atOpening))
        expect(old.gaps).toEqual([{ reason: 'expired', topics: ['a', 'never used'] }])
        expect(seqs(old.events)).toEqual([2])
        for (const position of [early, late]) expect((await store.read('n', query(topics, position))).gaps).toEqual([])
        await put(store, event('a'))
        expect((await store.read('n', query('a', atOpening))).gaps).toEqual([{ reason: 'expired', topics: ['a'] }])
        expect((await store.read('n', query('a', late))).gaps).toEqual([])
        await pass(660, 20)
        await put(store, event('other'))
        expect(await counts()).toEqual([0, 0, 0])
      },
      { retention: { ageMs: 66 * minuteMs, personalAgeMs: 600 * minuteMs } },
    )

    check(
      'S4: time alone never takes an event before its age',
      async ({ store, clock }) => {
        const before = await store.head('n')
        for (let at = 0; at < 55; at++) {
          await put(store, event('a'))
          await clock.advance(minuteMs)
          await store.maintain()
        }
        const { events, gaps } = await store.read('n', query(['a', 'quiet'], before))
        expect([events.length, gaps]).toEqual([55, []])
      },
      { retention: { ageMs: 60 * minuteMs } },
    )

    check('D4: an erased topic is a gap for those behind it, and only for them', async ({ store }) => {
      const start = await store.head('n')
      await put(store, { events: [event('a'), event(['a', 'b']), event('c')] })
      const before = { ...start, seq: 1 }
      const behind = { ...start, seq: 3 }
      await put(store, { events: [], states: [{ topic: 'a', expect: 0, value: 'x' }] })
      await store.erase('n', 'a')
      await store.erase('n', 'never used')
      expect(await store.describe('n', 'a')).toMatchObject({ first: null, last: null, count: 0, bytes: 0 })
      expect((await store.state('n', 'a')).state).toBe(null)
      const read = (after: typeof start) => store.read('n', query(['a', 'b', 'never used'], after))
      for (let round = 0; round < 2; round++) {
        expect((await read(before)).gaps).toEqual([{ reason: 'unknown', topics: ['a'] }])
        expect((await read(behind)).gaps).toEqual([])
        await put(store, event('a'))
      }
      expect(seqs((await read(before)).events)).toEqual([2, 4, 5])
      expect((await store.describe('n', 'b')).count).toBe(1)
    })

    check('§4: a topic is described by its oldest and newest number, count and bytes', async ({ store }) => {
      const { epoch } = await store.head('n')
      expect(await store.describe('n', 'a')).toEqual({ first: null, last: null, count: 0, bytes: 0, epoch })
      await put(store, { events: [event('b'), event('a'), event('b'), event('a')] })
      const { bytes, ...rest } = await store.describe('n', 'a')
      expect(rest).toEqual({ first: 2, last: 4, count: 2, epoch })
      expect(bytes).toBeGreaterThan(0)
    })
  })

  if (!reopens) return
  describe('reopening', () => {
    check('S1: numbers, events, ids, states and proofs are what they were', async ({ store, reopen, clock }) => {
      const start = await store.head('n')
      await put(store, { events: [event('a', { id: 'x' }), event('erased')], commands: [{ id: 'c', digest: '1' }] })
      await put(store, { events: [], states: [{ topic: 'job:1', expect: 0, value: 'v', group: 'g' }] })
      await store.erase('n', 'erased')
      const before = await store.read('n', query(['a', 'erased'], start))
      const again = await reopen()
      expect(await again.read('n', query(['a', 'erased'], start))).toEqual(before)
      expect((await again.states('n', { group: 'g', limit: 10 })).states.length).toBe(1)
      expect((await put(again, event('a', { id: 'x' }))).events).toEqual([{ id: 'x', seq: 1, duplicate: true }])
      const repeated = await again.append('n', { events: [], commands: [{ id: 'c', digest: '1' }] })
      expect(repeated).toEqual({ outcome: 'repeated', ids: ['c'] })
      clock.jump(-100_000)
      const next = await put(again, event('a'))
      expect([next.position.epoch, next.position.seq]).toEqual([start.epoch, 3])
      expect(next.timestamp).toBeGreaterThanOrEqual(clock.now() + 100_000)
    })
  })
}
