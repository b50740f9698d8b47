import { event, put, query, type Suite, seqs } from './kit.js'

export function stateClauses({ describe, check, expect }: Suite): void {
  describe('states', () => {
    check(
      'J3: a state is written where it is at the expected version, else what is there comes back',
      async ({ store }) => {
        await put(store, { events: [], states: [{ topic: 'job:1', expect: 0, value: 'one' }] })
        await put(store, { events: [], states: [{ topic: 'job:1', expect: 1, value: 'two' }] })
        const late = await store.append('n', {
          events: [event('job:1')],
          states: [{ topic: 'job:1', expect: 1, value: 'three' }],
        })
        expect(late).toMatchObject({
          outcome: 'conflict',
          states: [{ state: { topic: 'job:1', version: 2, value: 'two' }, upTo: { seq: 0 } }],
        })
        expect((await store.state('n', 'job:1')).state).toEqual({ topic: 'job:1', version: 2, value: 'two' })
        expect((await store.head('n')).seq).toBe(0)
      },
    )

    check('J9: several states change together or not at all', async ({ store }) => {
      const both = (expectations: readonly [number, number]) => ({
        events: [event('job:1', {}), event('job:2', {})],
        states: [
          { topic: 'job:1', expect: expectations[0], value: 'child' },
          { topic: 'job:2', expect: expectations[1], value: 'parent' },
        ],
      })
      await put(store, both([0, 0]))
      const conflict = await store.append('n', both([1, 0]))
      expect(conflict).toMatchObject({
        outcome: 'conflict',
        states: [{ state: { topic: 'job:1', version: 1 } }, { state: { topic: 'job:2', version: 1 } }],
      })
      const missing = await store.append('n', {
        events: [],
        states: [
          { topic: 'job:1', expect: 1, value: 'x' },
          { topic: 'job:3', expect: 1, value: 'x' },
        ],
      })
      expect(missing).toMatchObject({ outcome: 'conflict', states: [{ state: { version: 1 } }, { state: null }] })
      await put(store, both([1, 1]))
      expect((await store.head('n')).seq).toBe(4)
    })

    check('J3: of many writers at once one wins each version', async ({ store }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          store.append('n', { events: [event('job:1')], states: [{ topic: 'job:1', expect: 0, value: `${at}` }] }),
        ),
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'stored').length).toBe(1)
      expect((await store.describe('n', 'job:1')).count).toBe(1)
    })

    check('J7: a state is read with the last position and the clock, in one step', async ({ store, clock }) => {
      const none = await store.state('n', 'job:1')
      expect(none).toMatchObject({ state: null, upTo: { seq: 0 }, timestamp: clock.now() })
      const { position } = await put(store, {
        events: [event('job:1')],
        states: [{ topic: 'job:1', expect: 0, value: 'ü' }],
      })
      expect(await store.state('n', 'job:1')).toEqual({
        state: { topic: 'job:1', version: 1, value: 'ü' },
        upTo: position,
        timestamp: clock.now(),
      })
    })

    check('J8: removing a state takes its events along, and its readers hear of it', async ({ store }) => {
      const { position } = await put(store, event('other'))
      await put(store, {
        events: [event('job:1'), event('job:1')],
        states: [{ topic: 'job:1', expect: 0, value: 'x' }],
      })
      await put(store, { events: [], states: [{ topic: 'job:1', expect: 1, value: null }] })
      expect((await store.state('n', 'job:1')).state).toBe(null)
      expect((await store.describe('n', 'job:1')).count).toBe(0)
      const { gaps, events } = await store.read('n', query(['job:1', 'other'], position))
      expect(gaps).toEqual([{ reason: 'unknown', topics: ['job:1'] }])
      expect(seqs(events)).toEqual([])
      await put(store, { events: [], states: [{ topic: 'job:1', expect: 0, value: 'again' }] })
      expect((await store.state('n', 'job:1')).state).toMatchObject({ version: 1 })
    })

    check('§4: states of a group are listed newest first, page by page', async ({ store }) => {
      for (let at = 0; at < 7; at++) {
        const group = at % 2 === 0 ? 'user:even' : 'user:odd'
        await put(store, { events: [event('a')], states: [{ topic: `job:${at}`, expect: 0, value: `${at}`, group }] })
      }
      await put(store, { events: [], states: [{ topic: 'job:0', expect: 1, value: 'changed' }] })
      const first = await store.states('n', { group: 'user:even', limit: 3 })
      expect(first.states).toEqual([
        { topic: 'job:6', version: 1, value: '6' },
        { topic: 'job:4', version: 1, value: '4' },
        { topic: 'job:2', version: 1, value: '2' },
      ])
      expect(first.upTo.seq).toBe(7)
      expect(typeof first.next).toBe('string')
      await put(store, { events: [], states: [{ topic: 'job:8', expect: 0, value: '8', group: 'user:even' }] })
      const second = await store.states('n', { group: 'user:even', limit: 3, after: first.next ?? '' })
      expect(second.states).toEqual([{ topic: 'job:0', version: 2, value: 'changed' }])
      expect(second.next).toBe(undefined)
      const all = await store.states('n', { limit: 10 })
      expect(all.states.map(({ topic }) => topic)).toEqual([8, 6, 5, 4, 3, 2, 1, 0].map((at) => `job:${at}`))
      expect((await store.states('n', { group: 'user:nobody', limit: 10 })).states).toEqual([])
    })
  })
}
