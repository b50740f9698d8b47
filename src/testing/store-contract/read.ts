import { event, fill, put, query, type Suite, seqs } from './kit.js'

export function readClauses({ describe, check, expect }: Suite): void {
  describe('read', () => {
    check('D1: events of several topics come ascending, each once', async ({ store }) => {
      const { position } = await put(store, event('a'))
      await put(store, { events: [event('b'), event(['a', 'b', 'c']), event('c'), event('a')] })
      const { events, ...rest } = await store.read('n', query(['a', 'b', 'a'], position))
      expect(seqs(events)).toEqual([2, 3, 5])
      expect(events[1]?.topics).toEqual(['a', 'b', 'c'])
      expect(rest).toEqual({ from: position, upTo: { ...position, seq: 5 }, more: false, gaps: [] })
    })

    check('D5: the position moves on where nothing matched', async ({ store }) => {
      const before = await store.head('n')
      await fill(store, 'other', 5)
      const { events, upTo, gaps } = await store.read('n', query('quiet', before))
      expect(seqs(events)).toEqual([])
      expect(upTo).toEqual({ epoch: before.epoch, seq: 5 })
      expect(gaps).toEqual([])
    })

    check('D5: a position told before the first append is proved after it', async ({ store }) => {
      const before = await store.head('n')
      const { upTo } = await store.read('n', query('a', before))
      await put(store, event('a'))
      for (const position of [before, upTo]) {
        const { events, gaps } = await store.read('n', query('a', position))
        expect(seqs(events)).toEqual([1])
        expect(gaps).toEqual([])
      }
    })

    check('D6: a read is cut by count and by bytes, says so, and goes on from there', async ({ store }) => {
      const big = `"data":"${'x'.repeat(2_000)}"`
      for (let at = 0; at < 10; at++) await put(store, event(at % 2 ? 'a' : 'b', { body: big }))
      const start = { ...(await store.head('n')), seq: 0 }
      const byCount = await store.read('n', query(['a', 'b'], start, { limit: 3 }))
      expect(seqs(byCount.events)).toEqual([1, 2, 3])
      expect([byCount.more, byCount.upTo.seq]).toEqual([true, 3])
      const byBytes = await store.read('n', query(['a', 'b'], byCount.upTo, { maxBytes: 5_000 }))
      expect(seqs(byBytes.events)).toEqual([4, 5])
      expect([byBytes.more, byBytes.upTo.seq]).toEqual([true, 5])
      const one = await store.read('n', query(['a', 'b'], byBytes.upTo, { maxBytes: 1 }))
      expect([seqs(one.events), one.more, one.upTo.seq]).toEqual([[6], true, 6])
      const rest = await store.read('n', query(['a', 'b'], one.upTo, { limit: 4 }))
      expect([seqs(rest.events), rest.more, rest.upTo.seq]).toEqual([[7, 8, 9, 10], false, 10])
    })

    check('D2: reads beside a writer lose nothing and repeat nothing', async ({ store }) => {
      const topics = ['a', 'b', 'c']
      let position = await store.head('n')
      const read: number[] = []
      let writing = true
      const writer = (async () => {
        for (let round = 0; round < 40; round++) {
          await Promise.all(topics.map((topic) => put(store, { events: [event(topic), event([topic, 'c'])] })))
        }
        writing = false
      })()
      for (let last = false; !last; ) {
        last = !writing
        const page = await store.read('n', query(topics, position, { limit: 50 }))
        read.push(...seqs(page.events))
        position = page.upTo
        last &&= !page.more
      }
      await writer
      expect(read).toEqual(Array.from({ length: 240 }, (_, at) => at + 1))
    })

    check('D2: head, state and read reflect every append that was acknowledged', async ({ store }) => {
      for (let seq = 1; seq <= 50; seq++) {
        await put(store, event('a'))
        const [head, { upTo, events }, { upTo: stateAt }] = await Promise.all([
          store.head('n'),
          store.read('n', query('a', 'start')),
          store.state('n', 'a'),
        ])
        expect([head.seq, upTo.seq, stateAt.seq, events.length]).toEqual([seq, seq, seq, seq])
      }
    })

    check('D5: from the start all that is kept is read, without gaps', async ({ store }) => {
      await put(store, event('other'))
      await fill(store, 'a', 3)
      const { events, from, gaps } = await store.read('n', query('a', 'start'))
      expect(seqs(events)).toEqual([2, 3, 4])
      expect([from.seq, gaps]).toEqual([1, []])
      const empty = await store.read('n', query('nothing', 'start'))
      expect([empty.events, empty.from.seq, empty.upTo.seq, empty.gaps]).toEqual([[], 4, 4, []])
    })

    check(
      'D4: a position of another epoch or beyond the end is answered by a gap and all that is kept',
      async ({ store }) => {
        await put(store, event('other'))
        await fill(store, 'a', 3)
        const head = await store.head('n')
        for (const [reason, after] of [
          ['epoch', { epoch: 'another', seq: 3 }],
          ['unknown', { epoch: head.epoch, seq: 5 }],
        ] as const) {
          const { events, from, upTo, gaps } = await store.read('n', query(['a', 'b'], after))
          expect(gaps).toEqual([{ reason, topics: ['a', 'b'] }])
          expect(seqs(events)).toEqual([2, 3, 4])
          expect([from, upTo]).toEqual([{ ...head, seq: 1 }, head])
        }
      },
    )

    check('D5: a moment is a position with no event of then or later at or before it', async ({ store, clock }) => {
      const atOpening = clock.now()
      const stamps: number[] = []
      for (let at = 0; at < 60; at++) {
        stamps.push((await put(store, event('a'))).timestamp)
        await clock.advance(20_000)
      }
      expect((await store.positionAt('n', atOpening - 1_000_000)).seq).toBe(0)
      expect((await store.positionAt('n', clock.now() + 1_000_000)).seq).toBeLessThanOrEqual(60)
      for (let at = 0; at < 60; at++) {
        const { seq } = await store.positionAt('n', stamps[at] ?? 0)
        expect(seq).toBeLessThanOrEqual(at)
        expect(seq).toBeGreaterThanOrEqual(at - 4)
      }
      expect((await store.positionAt('n', clock.now())).seq).toBeGreaterThanOrEqual(56)
    })
  })
}
