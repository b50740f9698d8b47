import type { Clock, Timer } from '../clock.js'

/** One entry of the wheel; cancel it and its task is never called. */
export interface WheelTask {
  cancel(): void
}

class Entry implements WheelTask {
  readonly #slots: Map<number, Set<Entry>>
  readonly #at: number
  #task: (() => void) | null

  constructor(slots: Map<number, Set<Entry>>, at: number, task: () => void) {
    this.#slots = slots
    this.#at = at
    this.#task = task
  }

  run(): void {
    this.#task?.()
  }

  cancel(): void {
    this.#task = null
    const slot = this.#slots.get(this.#at)
    slot?.delete(this)
    if (slot?.size === 0) this.#slots.delete(this.#at)
  }
}

/**
 * One timer for the heartbeats, ages and time-outs of all connections. Ten thousand timers of their own would be ten
 * thousand objects in the runtime's lists; here they are entries in slots, good to one slot (`slotMs`).
 */
export class Wheel {
  readonly #clock: Clock
  readonly #slotMs: number
  readonly #slots = new Map<number, Set<Entry>>()
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
    const at = Math.max(this.#now() + 1, Math.ceil((this.#clock.monotonic() + delayMs) / this.#slotMs))
    const entry = new Entry(this.#slots, at, task)
    const slot = this.#slots.get(at) ?? new Set<Entry>()
    this.#slots.set(at, slot.add(entry))
    this.#arm()
    return entry
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
    const due: Entry[] = []
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
      due.push(...slot)
    }
    this.#lastSlot = now
    for (const entry of due) entry.run()
    this.#arm()
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
