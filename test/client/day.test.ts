import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createClient } from '#src/client/index.js'
import '#src/client/poll.js'
import '#src/client/history.js'
import '#src/client/refusal.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'

test('C2: 24 hours of events, pings, cuts and switches leave nothing behind', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const clock = fakeClock()
  const hub = new FakeHub(clock, seededRandom(1))
  const client = createClient({ url: 'http://hub.test', fetch: hub.fetch, clock, random: seededRandom(2) })
  let heard = 0
  client.subscribe('a', { '*': () => heard++ })
  const hour = async (): Promise<void> => {
    for (let step = 0; step < 180; step++) {
      hub.publish('a')
      if (step % 2 === 0) hub.ping()
      if (step % 30 === 0) hub.cut()
      if (step % 60 === 0) hub.buffering = !hub.buffering
      await clock.advance(20_000)
    }
    // What the hub keeps for the test is not what is looked at.
    hub.log.splice(0, Math.max(0, hub.log.length - 50))
    hub.requests.length = 0
  }
  // Until the last 1,000 ids are there, by which repeated events are known.
  for (let n = 0; n < 8; n++) await hour()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 16; n++) await hour()
  collect()
  const grownKb = Math.round((process.memoryUsage().heapUsed - before) / 1_024)
  console.log(`after 16 more hours: ${grownKb} kB, ${clock.pending} timers`)
  expect(grownKb).toBeLessThan(500)
  expect(clock.pending).toBeLessThan(8)
  expect(heard).toBeGreaterThan(24 * 170)
  client.close()
}, 60_000)
