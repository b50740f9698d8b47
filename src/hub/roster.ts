import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { Channel } from './channel.js'
import type { Connection } from './connection.js'
import type { Outlet } from './outlet.js'
import type { HubSettings } from './settings.js'
import type { Waiting, Wheel } from './wheel.js'

export interface RosterParts {
  readonly wheel: Wheel
  readonly clock: Clock
  readonly random: Random
  readonly settings: HubSettings
}

const never = Number.POSITIVE_INFINITY

/**
 * One connection, and what falls due for it: beats, its greatest age, the end of its rights. It waits in the wheel itself, for
 * what comes next: of ten thousand streams, three entries for each would be a tenth of the memory.
 */
class Place implements Waiting {
  readonly connection: Connection
  readonly channel: Channel
  readonly #parts: RosterParts
  slot: number | null = null
  /** Whole ms of the monotonic clock, or null for never: V8 keeps both in place, and would box an infinity. */
  #beatMs: number | null = null
  readonly #ageMs: number | null
  readonly #expiryMs: number | null

  constructor(connection: Connection, channel: Channel, parts: RosterParts, isStream: boolean, expiresAt?: number) {
    this.connection = connection
    this.channel = channel
    this.#parts = parts
    const { clock, random, settings } = parts
    const { heartbeatMs, maxAgeMs } = settings
    const nowMs = clock.monotonic()
    // The first beat falls at a random moment, so that a thousand readers who came together do not beat together.
    if (isStream) this.#beatMs = Math.trunc(nowMs + heartbeatMs * (0.5 + random.fraction() / 2))
    this.#ageMs = isStream ? Math.trunc(nowMs + maxAgeMs * (0.8 + random.fraction() * 0.2)) : null
    this.#expiryMs = expiresAt === undefined ? null : Math.ceil(nowMs + Math.max(0, expiresAt - clock.now()))
    this.#arm()
  }

  cancel(): void {
    this.#parts.wheel.remove(this)
  }

  #arm(): void {
    const dueMs = Math.min(this.#beatMs ?? never, this.#ageMs ?? never, this.#expiryMs ?? never)
    if (dueMs !== never) this.#parts.wheel.add(this, dueMs)
  }

  due(): void {
    if (this.connection.closed) return
    const { clock, settings } = this.#parts
    const nowMs = clock.monotonic()
    if (nowMs >= (this.#expiryMs ?? never)) return this.connection.end('expired')
    if (nowMs >= (this.#ageMs ?? never)) return this.connection.end('rotate')
    if (nowMs >= (this.#beatMs ?? never)) {
      this.connection.ping()
      this.#beatMs = Math.trunc(nowMs + settings.heartbeatMs)
    }
    this.#arm()
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
    this.#places.set(connection.id, new Place(connection, channel, this.#parts, transport === 'sse', expiresAt))
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
