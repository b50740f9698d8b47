import { createClient } from '#src/client/index.js'
import '#src/client/poll.js'
import '#src/client/history.js'
import '#src/client/refusal.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'

/** A client whose hours pass at once: events, pings, cuts, and a proxy that begins and stops to hold streams back. */
export class Day {
  readonly #clock = fakeClock()
  readonly #hub = new FakeHub(this.#clock, seededRandom(1))
  readonly #client = createClient({
    url: 'http://hub.test',
    fetch: this.#hub.fetch,
    clock: this.#clock,
    random: seededRandom(2),
  })
  published = 0
  heard = 0

  constructor() {
    this.#client.subscribe('a', { '*': () => this.heard++ })
  }

  get timers(): number {
    return this.#clock.pending
  }

  async pass(hours: number): Promise<void> {
    for (let step = 0; step < hours * 180; step++) {
      for (let event = 0; event < eventsPerStep; event++) this.#hub.publish('a')
      this.published += eventsPerStep
      if (step % 2 === 0) this.#hub.ping()
      if (step % 30 === 0) this.#hub.cut()
      if (step % 60 === 0) this.#hub.buffering = !this.#hub.buffering
      await this.#clock.advance(20_000)
      if (step % 180 < 179) continue
      // What the hub keeps for the test is not what is looked at.
      this.#hub.log.splice(0, Math.max(0, this.#hub.log.length - 50))
      this.#hub.requests.length = 0
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** So many that the smallest thing kept of each would be seen: 57,600 in 16 hours, 9 bytes of each are over 500 kB. */
const eventsPerStep = 20
/** Until then the last 1,000 ids are there, by which repeated events are known. */
export const warmUpHours = 8
export const measuredHours = 16
