import { useEffect, useRef, useSyncExternalStore } from 'react'
import { EventLog, type LoggedEvent } from './event-log.js'
import { type EventTap, type TapStatus, eventTap } from './event-tap.js'

/** What the newest events of the namespace look like at one moment. */
export interface RecentEvents {
  /** Oldest first. */
  readonly entries: readonly LoggedEvent[]
  /** How many came since this page opened, and how many of them it no longer keeps. */
  readonly total: number
  readonly dropped: number
}

/** Views are told this often, however fast events come: a thousand a second are ten changes. */
const tellEveryMs = 100

/** Keeps the newest events of one tap for as long as the page is open, and tells views of them in batches. */
class Keeper {
  readonly tap: EventTap
  readonly #log = new EventLog()
  readonly #listeners = new Set<() => void>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #now: RecentEvents = { entries: [], total: 0, dropped: 0 }

  constructor(tap: EventTap) {
    this.tap = tap
    tap.listen((event) => {
      this.#log.push(event)
      this.#timer ??= setTimeout(() => this.#tell(), tellEveryMs)
    })
  }

  get now(): RecentEvents {
    return this.#now
  }

  clear(): void {
    this.#log.clear()
    this.#tell()
  }

  watch = (changed: () => void): (() => void) => {
    this.#listeners.add(changed)
    return () => void this.#listeners.delete(changed)
  }

  #tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#now = { entries: this.#log.entries(), total: this.#log.total, dropped: this.#log.dropped }
    for (const listener of this.#listeners) listener()
  }
}

let made: Keeper | null = null

function keeper(): Keeper {
  const tap = eventTap()
  if (made?.tap !== tap) made = new Keeper(tap)
  return made
}

export const clearRecentEvents = (): void => keeper().clear()

/** The newest events, live; while `held` as they were when that began, with the number that came since. */
export function useRecentEvents(held = false): RecentEvents & { readonly since: number } {
  const { watch } = keeper()
  const now = useSyncExternalStore(watch, () => keeper().now)
  const shown = useRef(now)
  // Cleared meanwhile: there is nothing to hold.
  const shows = held && now.total >= shown.current.total ? shown.current : now
  useEffect(() => {
    shown.current = shows
  })
  return { ...shows, since: now.total - shows.total }
}

export function useTapStatus(): TapStatus {
  const { tap } = keeper()
  return useSyncExternalStore(tap.watch, () => tap.status)
}
