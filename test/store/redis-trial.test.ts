import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type MakeStore, storeContract } from '#src/testing/store-contract.js'
import { event, Listener, put, query, seqs } from '#src/testing/store-contract/kit.js'
import { bursts, erasures, keepEvents, Model } from './model.js'
import { noRedis, startRedis } from './redis-server.js'
import { redisTrialStore } from './redis-trial.js'

if (noRedis) {
  const report = process.env['CI'] === 'true' ? test : test.skip
  report(`the store contract as scripts of Redis (${noRedis})`, () => expect(noRedis).toBe(null))
} else {
  describe('the store contract as scripts of Redis', () => {
    let socket = ''
    let stop = async (): Promise<void> => undefined
    let admin: Redis
    beforeAll(async () => {
      ;({ socket, stop } = await startRedis())
      admin = new Redis({ path: socket })
    })
    afterAll(async () => {
      await admin.quit()
      await stop()
    })

    const make: MakeStore = async (options) => {
      await admin.flushall()
      const store = redisTrialStore({ ...options, socket })
      await store.open()
      return { store, discard: () => store.close() }
    }
    const bench = async () => {
      const clock = fakeClock()
      const { store, discard } = await make({ clock, random: seededRandom(1) })
      return { store, discard, clock }
    }

    storeContract('scripts of Redis', make, { describe, test, expect }, { reopens: false })

    test('D1–D4: any overlapping appends, repetitions, erasures and reads lose nothing unsaid', async () => {
      await fc.assert(
        fc.asyncProperty(bursts, erasures, async (plan, erase) => {
          const options = { retention: { events: keepEvents }, clock: fakeClock(), random: seededRandom(1) }
          const { store, discard } = await make(options)
          await new Model(store).run(plan, erase).finally(discard)
        }),
        { numRuns: 40 },
      )
    })

    test('S6: numbers of 16 digits stay exact in the log, the feed, proofs and state', async () => {
      const { store, discard } = await bench()
      const { epoch } = await store.head('n')
      const [namespace = ''] = await admin.keys('*:namespace')
      const base = 1_763_000_000_000_001
      await admin.hset(namespace, 'seq', String(base))
      const listener = new Listener()
      await store.follow('n', listener)
      const { events } = await put(store, { events: [event('a'), event('a'), event(['a', 'b'])] })
      expect(seqs(events)).toEqual([base + 1, base + 2, base + 3])
      const page = await store.read('n', query(['a', 'b'], { epoch, seq: base + 1 }))
      expect([seqs(page.events), page.gaps]).toEqual([[base + 2, base + 3], []])
      await listener.until(() => listener.heard.length === 3)
      expect(listener.heard.map(({ prev }) => prev)).toEqual([base, base + 1, base + 2])
      expect((await store.describe('n', 'a')).last).toBe(base + 3)
      await discard()
    })

    test('S3: an announcement above 8 KiB names its topics and leaves the event to a read', async () => {
      const { store, discard } = await bench()
      const listener = new Listener()
      await store.follow('n', listener)
      await put(store, event(['a', 'b'], { body: `"data":"${'x'.repeat(9_000)}"` }))
      await listener.until(() => listener.heard.length === 1)
      expect(listener.heard[0]?.topics).toEqual(['a', 'b'])
      expect(listener.heard[0]?.event).toBe(undefined)
      await discard()
    })
  })
}
