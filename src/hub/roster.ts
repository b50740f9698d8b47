import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { Channel } from './channel.js'
import type { Connection } from './connection.js'
import type { Outlet } from './outlet.js'
import type { HubSettings } from './settings.js'
import type { Wheel, WheelTask } from './wheel.js'

export interface RosterParts {
  readonly wheel: Wheel
  readonly clock: Clock
  readonly random: Random
  readonly settings: HubSettings
}

/** One connection, and what falls due for it. */
class Place {
  readonly connection: Connection
  readonly channel: Channel
  #beat: WheelTask | null = null
  #age: WheelTask | null = null
  #expiry: WheelTask | null = null

  constructor(connection: Connection, channel: Channel) {
    this.connection = connection
    this.channel = channel
  }

  begin({ wheel, clock, random, settings }: RosterParts, isStream: boolean, expiresAt: number | undefined): void {
    const { connection } = this
    const { heartbeatMs, maxAgeMs } = settings
    if (isStream) {
      const beat = (): void => {
        connection.ping()
        this.#beat = wheel.after(heartbeatMs, beat)
      }
      // The first beat falls at a random moment, so that a thousand readers who came together do not beat together.
      this.#beat = wheel.after(heartbeatMs * (0.5 + random.fraction() / 2), beat)
      this.#age = wheel.after(maxAgeMs * (0.8 + random.fraction() * 0.2), () => connection.end('rotate'))
    }
    if (expiresAt === undefined) return
    this.#expiry = wheel.after(Math.max(0, expiresAt - clock.now()), () => connection.end('expired'))
  }

  cancel(): void {
    this.#beat?.cancel()
    this.#age?.cancel()
    this.#expiry?.cancel()
  }
}

/** The open connections of this node, with what falls due for each: beats, its greatest age, the end of its rights. */
export class Roster {
  readonly #parts: RosterParts
  readonly #places = new Map<string, Place>()
  #emptied: (() => void) | null = null

  constructor(parts: RosterParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#places.size
  }

  /** Streams that have not had what they could have. */
  get lagging(): number {
    let lagging = 0
    for (const { connection } of this.#places.values())
      if (connection.transport === 'sse' && connection.activity.greeted && !connection.upToDate) lagging++
    return lagging
  }

  /** As they are now: what is done with them may end them. */
  get connections(): readonly Connection[] {
    return [...this.#places.values()].map(({ connection }) => connection)
  }

  add(connection: Connection, channel: Channel, transport: Outlet['transport'], expiresAt: number | undefined): void {
    const place = new Place(connection, channel)
    place.begin(this.#parts, transport === 'sse', expiresAt)
    this.#places.set(connection.id, place)
  }

  /** The channel of a connection that was here; null where it was not. */
  remove(connection: Connection): Channel | null {
    const place = this.#places.get(connection.id)
    if (!place) return null
    place.cancel()
    this.#places.delete(connection.id)
    if (this.#places.size === 0) this.#emptied?.()
    return place.channel
  }

  /** Resolves when nobody is left, or after `mostMs`. */
  whenEmpty(mostMs: number): Promise<void> {
    if (this.#places.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimer(resolve, mostMs)
      this.#emptied = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
