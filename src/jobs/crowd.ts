const windowMs = { from: 5, to: 50 } as const
/** After a conflict, and it is what ends, cancels and renewals wait at most. */
const againMs = 20
/** So long after the last conflict the others count as gone. */
const gatheringMs = 1_000
/** Each conflict doubles the window and each write shrinks it: it settles where about every third try is in vain. */
const shrink = 0.7

/**
 * How a process behaves while others write the same jobs. The one whose writes succeed slows down as well: it would write
 * again before any other has seen its last write, and those that wait longer after each conflict would never have a turn
 * (with five processes one did all the writing, and the commands of the others took more than five seconds).
 */
export class Crowd {
  #windowMs = 0
  #metAt = Number.NEGATIVE_INFINITY
  /** In a row. */
  #conflicts = 0

  conflicted(now: number): void {
    this.#metAt = now
    this.#conflicts++
    this.#windowMs = Math.min(windowMs.to, Math.max(windowMs.from, this.#windowMs * 2))
  }

  stored(now: number): void {
    this.#conflicts = 0
    this.#windowMs = this.isAlone(now) ? 0 : Math.max(windowMs.from, this.#windowMs * shrink)
  }

  /** While others write too, what is known of jobs is old by the time of the next write: to read it again saves a conflict. */
  isAlone(now: number): boolean {
    return now - this.#metAt > gatheringMs
  }

  /** How long commands gather before they are written. Random, so that processes that met once do not meet again. */
  pauseMs(now: number, fraction: number, isUrgent: boolean): number {
    return this.isAlone(now) || isUrgent ? 0 : this.#spread(this.#windowMs, fraction)
  }

  /** How long they wait after a conflict. Every other time not at all: it has just shown the jobs as they are. */
  pauseAfterConflictMs(fraction: number): number {
    return this.#conflicts % 2 === 1 ? 0 : this.#spread(Math.min(this.#windowMs, againMs), fraction)
  }

  #spread(ms: number, fraction: number): number {
    return Math.ceil(ms * (0.5 + fraction))
  }
}
