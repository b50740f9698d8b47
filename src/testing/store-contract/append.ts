import { event, fill, put, query, type Suite, seqs } from './kit.js'

export function appendClauses({ describe, check, expect }: Suite): void {
  describe('append', () => {
    check('S3: events get the next numbers of the namespace, in order, whatever their topics', async ({ store }) => {
      const first = await put(store, { events: [event('a'), event('b'), event(['a', 'b'])] })
      const second = await put(store, event('c'))
      expect(seqs(first.events)).toEqual([1, 2, 3])
      expect(first.position.seq).toBe(3)
      expect(seqs(second.events)).toEqual([4])
      expect(second.position).toEqual({ epoch: first.position.epoch, seq: 4 })
    })

    check('D1: appends of one caller are numbered in the order of the calls', async ({ store }) => {
      const results = await Promise.all(Array.from({ length: 200 }, (_, at) => put(store, event(`topic:${at % 7}`))))
      expect(results.flatMap(({ events }) => seqs(events))).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    })

    check("E1: an event is kept whole, and stamped with the store's clock", async ({ store, clock }) => {
      const whole = event(['a', 'b'], {
        id: 'own id \u{1F600}',
        type: 'page.crawled',
        priority: 'critical',
        body: '"source":"tidings","version":1,"data":"\\r\\n\u2028\u{1F600}é\\u0000"',
        conflationKey: 'key \r\n \u{1F600}',
      })
      await put(store, whole)
      const { events } = await store.read('n', query('b', 'start'))
      const { digest: _, ...content } = whole
      expect(events).toEqual([{ ...content, seq: 1, timestamp: clock.now() }])
    })

    check('E1: timestamps never fall, also where the clock goes back', async ({ store, clock }) => {
      const first = await put(store, event('a'))
      clock.jump(-3_600_000)
      const second = await put(store, event('a'))
      await clock.advance(10)
      const third = await put(store, event('a'))
      expect(second.timestamp).toBeGreaterThanOrEqual(first.timestamp)
      expect(third.timestamp).toBeGreaterThanOrEqual(second.timestamp)
      const { events } = await store.read('n', query('a', 'start'))
      expect(events.map(({ timestamp }) => timestamp)).toEqual([first, second, third].map(({ timestamp }) => timestamp))
    })

    check('D3: a repeated event stores nothing and gets the first answer', async ({ store }) => {
      await put(store, event('a', { id: 'x' }))
      await put(store, event('a'))
      const again = await put(store, { events: [event('a', { id: 'x' }), event('a', { id: 'y' })] })
      expect(again.events).toEqual([
        { id: 'x', seq: 1, duplicate: true },
        { id: 'y', seq: 3, duplicate: false },
      ])
      const { events } = await store.read('n', query('a', 'start'))
      expect(seqs(events)).toEqual([1, 2, 3])
    })

    check('D3: an event that stands twice in one append is stored once', async ({ store }) => {
      const { events } = await put(store, { events: [event('a', { id: 'x' }), event('a', { id: 'x' })] })
      expect(events).toEqual([
        { id: 'x', seq: 1, duplicate: false },
        { id: 'x', seq: 1, duplicate: true },
      ])
      expect((await store.head('n')).seq).toBe(1)
    })

    check(
      'D3: a command that stands twice in one append is one; standing for two things it is refused',
      async ({ store }) => {
        const twice = [
          { id: 'c', digest: '1' },
          { id: 'c', digest: '1' },
        ]
        await put(store, { commands: twice, events: [event('a')] })
        const again = await store.append('n', { commands: [{ id: 'c', digest: '1' }], events: [event('a')] })
        expect(again).toEqual({ outcome: 'repeated', ids: ['c'] })
        const other = [
          { id: 'd', digest: '1' },
          { id: 'd', digest: '2' },
        ]
        expect(await store.append('n', { commands: other, events: [event('a')] })).toEqual({
          outcome: 'reused',
          id: 'd',
        })
        expect((await store.head('n')).seq).toBe(1)
      },
    )

    check('D3: an id that stands for something else refuses the whole append', async ({ store }) => {
      await put(store, { commands: [{ id: 'c', digest: '1' }], events: [event('a', { id: 'x' })] })
      const refused = async (append: Parameters<typeof put>[1]) =>
        expect(await store.append('n', 'events' in append ? append : { events: [append] }))
      const fresh = event('a', { id: 'fresh' })
      ;(await refused({ events: [fresh, event('a', { id: 'x', digest: 'other' })] })).toEqual({
        outcome: 'reused',
        id: 'x',
      })
      ;(await refused({ commands: [{ id: 'c', digest: '2' }], events: [fresh] })).toEqual({
        outcome: 'reused',
        id: 'c',
      })
      ;(await refused({ events: [fresh, event('a', { id: 'c', digest: '1' })] })).toEqual({
        outcome: 'reused',
        id: 'c',
      })
      ;(await refused({ events: [event('a', { id: 'z' }), event('a', { id: 'z', digest: 'other' })] })).toEqual({
        outcome: 'reused',
        id: 'z',
      })
      expect((await store.head('n')).seq).toBe(1)
      expect((await put(store, fresh)).events).toEqual([{ id: 'fresh', seq: 2, duplicate: false }])
    })

    check('D3: a repeated command does nothing, before its states are compared', async ({ store }) => {
      const commands = [{ id: 'c', digest: '1' }]
      await put(store, { commands, events: [], states: [{ topic: 'job:1', expect: 0, value: 'one' }] })
      const again = await store.append('n', {
        commands: [...commands, { id: 'd', digest: '1' }],
        events: [event('job:1')],
        states: [{ topic: 'job:1', expect: 0, value: 'two' }],
      })
      expect(again).toEqual({ outcome: 'repeated', ids: ['c'] })
      expect((await store.state('n', 'job:1')).state).toEqual({ topic: 'job:1', version: 1, value: 'one' })
      expect((await store.head('n')).seq).toBe(0)
      await put(store, { commands: [{ id: 'd', digest: '1' }], events: [] })
    })

    check(
      'D3: the newest ids are recognised, the window can be read, and older ones are let go',
      async ({ store, clock }) => {
        for (let at = 0; at < 20; at++) {
          await put(store, event('a', { id: `id-${at}` }))
          await clock.advance(10)
        }
        for (let at = 0; at < 20; at++) {
          const { events } = await put(store, event('a', { id: `id-${at}` }))
          expect(events[0]?.duplicate).toBe(true)
        }
        expect((await store.idWindow('n')).ids).toBe(20)
        expect((await store.idWindow('n')).oldestAgeMs).toBeGreaterThanOrEqual(200)
        await fill(store, 'a', 60)
        await store.maintain()
        expect((await store.idWindow('n')).ids).toBeLessThanOrEqual(50)
        expect((await put(store, event('a', { id: 'id-0' }))).events[0]?.duplicate).toBe(false)
      },
      { idWindow: { ids: 20 } },
    )

    check(
      'D3: ids are recognised for their age, and let go after it',
      async ({ store, clock }) => {
        await put(store, event('a', { id: 'x' }))
        await clock.advance(59_000)
        expect((await put(store, event('a', { id: 'x' }))).events[0]?.duplicate).toBe(true)
        await clock.advance(130_000)
        await store.maintain()
        expect((await store.idWindow('n')).ids).toBe(0)
        expect((await put(store, event('a', { id: 'x', digest: 'other' }))).events[0]?.duplicate).toBe(false)
      },
      { idWindow: { ageMs: 60_000 } },
    )

    check('§1: nothing crosses from one namespace to another', async ({ store }) => {
      const ours = await put(
        store,
        { events: [event('a', { id: 'x' })], states: [{ topic: 'a', expect: 0, value: 'v' }] },
        'ours',
      )
      const theirs = await put(store, event('a', { id: 'x', digest: 'other' }), 'theirs')
      expect(theirs.events).toEqual([{ id: 'x', seq: 1, duplicate: false }])
      expect(theirs.position.epoch === ours.position.epoch).toBe(false)
      expect((await store.state('theirs', 'a')).state).toBe(null)
      expect((await store.states('theirs', { limit: 10 })).states).toEqual([])
      await store.erase('theirs', 'a')
      expect((await store.describe('ours', 'a')).count).toBe(1)
      const { gaps } = await store.read('theirs', query('a', ours.position))
      expect(gaps).toEqual([{ reason: 'epoch', topics: ['a'] }])
    })

    check(
      'S4: over the quota publishes are refused, nothing is evicted, and exempt appends are taken',
      async ({ store }) => {
        let stored = 0
        let refused = await store.append('n', { events: [event('a', { body: `"data":"${'x'.repeat(1_000)}"` })] })
        for (; refused.outcome === 'stored'; stored++) {
          refused = await store.append('n', { events: [event('a', { body: `"data":"${'x'.repeat(1_000)}"` })] })
        }
        expect(refused).toMatchObject({ outcome: 'quota', quotaBytes: 20_000 })
        expect(stored).toBeGreaterThanOrEqual(10)
        expect(stored).toBeLessThanOrEqual(21)
        expect((await store.describe('n', 'a')).count).toBe(stored)
        await put(store, { events: [event('a')], states: [{ topic: 'job:1', expect: 0, value: 'x' }], exempt: true })
        await put(store, event('a'), 'another namespace')
        await store.erase('n', 'a')
        await put(store, event('a'))
      },
      { quotaBytes: 20_000 },
    )
  })
}
