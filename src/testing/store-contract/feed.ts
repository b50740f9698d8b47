import { event, fill, Listener, put, query, type Suite, seqs } from './kit.js'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)

export function feedClauses({ describe, check, expect }: Suite): void {
  describe('follow', () => {
    check('S3: every append is announced once, in order, each naming the number before it', async ({ store }) => {
      const listener = new Listener()
      const following = await store.follow('n', listener)
      expect(following.position.seq).toBe(0)
      await put(store, { events: [event('a'), event('b'), event(['a', 'b'])] })
      await put(store, { events: [], commands: [{ id: 'silent', digest: '' }] })
      await fill(store, 'c', 100)
      await listener.until(() => listener.heard.length >= 103)
      expect(seqs(listener.heard)).toEqual(upTo(103))
      expect(listener.heard.map(({ prev }) => prev)).toEqual(upTo(103).map((seq) => seq - 1))
      expect(listener.heard.every(({ epoch }) => epoch === following.position.epoch)).toBe(true)
      expect(listener.heard[2]?.topics).toEqual(['a', 'b'])
      expect(listener.interruptions).toBe(0)
      following.close()
    })

    check('S3: an announced event is the kept one; a duplicate is not announced', async ({ store }) => {
      const listener = new Listener()
      const following = await store.follow('n', listener)
      await put(store, event('a', { id: 'x', conflationKey: 'k' }))
      await put(store, event('a', { id: 'x', conflationKey: 'k' }))
      await put(store, event('a'))
      await listener.until(() => listener.heard.length >= 2)
      const { events } = await store.read('n', query('a', 'start'))
      expect(seqs(listener.heard)).toEqual([1, 2])
      for (const { event: announced, seq } of listener.heard) {
        if (announced) expect(announced).toEqual(events.find((kept) => kept.seq === seq))
      }
      following.close()
    })

    check('D2: a follower that joins during a burst hears all that comes after its position', async ({ store }) => {
      const listener = new Listener()
      const burst = fill(store, 'a', 150)
      const following = await store.follow('n', listener)
      await Promise.all([burst, fill(store, 'a', 150)])
      await listener.until(() => listener.heard.at(-1)?.seq === 300)
      const heard = seqs(listener.heard)
      expect(heard).toEqual(upTo(300).slice(heard[0] === undefined ? 300 : heard[0] - 1))
      expect(heard[0] ?? 0).toBeLessThanOrEqual(following.position.seq + 1)
      following.close()
    })

    check('D2: what is announced is in the log by then', async ({ store }) => {
      const seen: Promise<boolean>[] = []
      const listener = new Listener()
      const following = await store.follow('n', {
        announced: (announcements) => {
          const last = announcements.at(-1)?.seq ?? 0
          seen.push(store.read('n', query('a', 'start')).then(({ upTo: end }) => end.seq >= last))
          listener.announced(announcements)
        },
        interrupted: () => listener.interrupted(),
        probed: (position) => listener.probed(position),
      })
      await fill(store, 'a', 50)
      await listener.until(() => listener.heard.length >= 50)
      expect((await Promise.all(seen)).every(Boolean)).toBe(true)
      following.close()
    })

    check('D7: a probe comes down the feed behind every append before it, to each follower', async ({ store }) => {
      const listeners = [new Listener(), new Listener()]
      const followings = await Promise.all(listeners.map((listener) => store.follow('n', listener)))
      await fill(store, 'a', 20)
      await store.probe('n')
      for (const listener of listeners) {
        await listener.until(() => listener.probes.length > 0)
        expect(listener.probes[0]).toBe(20)
        expect(listener.heard.length).toBe(20)
      }
      for (const following of followings) following.close()
    })

    check('D8: a follower hears its namespace only, and nothing after close', async ({ store }) => {
      const listener = new Listener()
      const other = new Listener()
      const following = await store.follow('n', listener)
      const another = await store.follow('m', other)
      await put(store, event('a'), 'm')
      await put(store, event('a'))
      await listener.until(() => listener.heard.length > 0)
      following.close()
      await put(store, event('a'))
      await put(store, event('b'), 'm')
      await store.probe('m')
      await other.until(() => other.probes.length > 0)
      expect(seqs(listener.heard)).toEqual([1])
      expect(other.heard.map(({ topics }) => topics)).toEqual([['a'], ['b']])
      another.close()
    })
  })
}
