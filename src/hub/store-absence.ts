import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { Channels } from './channels.js'
import type { Control } from './control.js'
import type { PublishQueue } from './publish-queue.js'
import type { Roster } from './roster.js'
import type { StorePresence } from './store-presence.js'

export interface StoreAbsenceParts {
  readonly presence: StorePresence
  readonly roster: Roster
  readonly channels: Channels
  readonly control: Control
  readonly queue: PublishQueue
  readonly clock: Clock
  readonly report: (error: unknown, stage: string) => void
}

/** Publishes do not wait longer than this for feeds that do not come back with the store. */
const longestRecoveryMs = 1_000

/**
 * What the hub does when its store goes away and when it is back (S5): readers are told at once; what waits is published when
 * every feed runs again, so that nobody misses it.
 */
export class StoreAbsence {
  readonly #parts: StoreAbsenceParts

  constructor(parts: StoreAbsenceParts) {
    this.#parts = parts
  }

  began(): void {
    const { queue, roster } = this.#parts
    queue.pause()
    this.tell()
    for (const connection of roster.connections) {
      if (connection.transport === 'sse') connection.ping()
      else if (connection.transport === 'poll') connection.fail(this.#error)
    }
  }

  /** Once, and not by every sweep and reader that finds out. */
  tell(): void {
    this.#parts.report(this.#error, 'store')
  }

  ended(): void {
    const { presence, roster, channels, control, queue, clock } = this.#parts
    for (const connection of roster.connections) if (connection.transport === 'sse') connection.ping()
    void control.start()
    const { timesAway } = presence
    const resume = (): void => {
      timer.cancel()
      // It may have gone again meanwhile, and come back: then that return does it.
      if (presence.available && presence.timesAway === timesAway) queue.resume()
    }
    const timer = clock.setTimer(resume, longestRecoveryMs)
    void channels.recover().then(resume)
  }

  get #error(): TidingsError {
    const { reason } = this.#parts.presence
    return new TidingsError('store_unavailable', `The store is away${reason === null ? '' : `: ${reason}`}.`)
  }
}
