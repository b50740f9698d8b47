import type { Clock, Timer } from '../clock.js'

/** One entry of the wheel; cancel it and its task is never called. */
export interface WheelTask {
  cancel(): void
}

/** What waits in the wheel itself, at most once: thousands of these need no entries and closures around them. */
export interface Waiting {
  /** The slot it waits in, for the wheel to note; null: it does not wait. */
  slot: number | null
  /** Its time has come. */
  due(): void
}

class Entry implements WheelTask, Waiting {
  slot: number | null = null
  readonly #wheel: Wheel
  readonly #task: () => void

  constructor(wheel: Wheel, task: () => void) {
    this.#wheel = wheel
    this.#task = task
  }

  due(): void {
    this.#task()
  }

  cancel(): void {
    this.#wheel.remove(this)
  }
}

/**
 * One timer for the heartbeats, ages and time-outs of all connections. Ten thousand timers of their own would be ten
 * thousand objects in the runtime's lists; here they are entries in slots, good to one slot (`slotMs`).
 */
export class Wheel {
  readonly #clock: Clock
  readonly #slotMs: number
  readonly #slots = new Map<number, Set<Waiting>>()
  #timer: Timer | null = null
  #lastSlot: number

  constructor(clock: Clock, slotMs: number) {
    this.#clock = clock
    this.#slotMs = slotMs
    this.#lastSlot = this.#now()
  }

  /** The monotonic time to about a slot, in whole ms: what is noted at every delivery must not ask a clock. */
  get coarseMs(): number {
    return Math.trunc(this.#lastSlot * this.#slotMs)
  }

  /** How many tasks wait. */
  get size(): number {
    let size = 0
    for (const slot of this.#slots.values()) size += slot.size
    return size
  }

  /** Calls `task` once, at the first slot at or after `delayMs` from now. */
  after(delayMs: number, task: () => void): WheelTask {
    const entry = new Entry(this, task)
    this.add(entry, this.#clock.monotonic() + delayMs)
    return entry
  }

  /** Calls `waiting.due()` once, at the first slot at or after `dueMs` of the monotonic clock, and not at a time it was given before. */
  add(waiting: Waiting, dueMs: number): void {
    this.remove(waiting)
    const at = Math.max(this.#now() + 1, Math.ceil(dueMs / this.#slotMs))
    waiting.slot = at
    const slot = this.#slots.get(at)
    if (slot) slot.add(waiting)
    else this.#slots.set(at, new Set([waiting]))
    this.#arm()
  }

  remove(waiting: Waiting): void {
    const at = waiting.slot
    if (at === null) return
    waiting.slot = null
    const slot = this.#slots.get(at)
    slot?.delete(waiting)
    if (slot?.size === 0) this.#slots.delete(at)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#slots.clear()
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / this.#slotMs)
  }

  #arm(): void {
    if (this.#timer || this.#slots.size === 0) return
    this.#timer = this.#clock.setTimer(() => this.#turn(), this.#slotMs - (this.#clock.monotonic() % this.#slotMs))
  }

  #turn(): void {
    this.#timer = null
    const now = this.#now()
    const due: Waiting[] = []
    // After a long pause it is cheaper to look at the slots there are than to count through the missed ones.
    const missed = now - this.#lastSlot
    const slots =
      missed > this.#slots.size
        ? [...this.#slots.keys()].filter((at) => at <= now).sort((a, b) => a - b)
        : range(this.#lastSlot + 1, now)
    for (const at of slots) {
      const slot = this.#slots.get(at)
      if (!slot) continue
      this.#slots.delete(at)
      // Not spread: a slot may hold more than a call takes arguments.
      for (const waiting of slot) due.push(waiting)
    }
    this.#lastSlot = now
    for (const waiting of due) {
      // One before it may have removed it, or set it to another time.
      if (waiting.slot === null || waiting.slot > now) continue
      waiting.slot = null
      waiting.due()
    }
    this.#arm()
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
