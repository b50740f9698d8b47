/** Holds back what one tick brings, so that it leaves in one write. */
export interface Flushable {
  flush(): void
}

/** Flushes once everything that is ready now has happened. Objects and not functions: nothing is made for a delivery. */
export class EndOfTick {
  readonly #onError: (error: unknown) => void
  #waiting: Flushable[] = []

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  add(waiting: Flushable): void {
    if (this.#waiting.push(waiting) === 1) schedule(() => this.#run())
  }

  /** The same for what leaves much behind: each has a turn of its own, so that the memory of one is free before the next begins. */
  addAlone(waiting: Flushable): void {
    schedule(() => this.#flush(waiting))
  }

  #run(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) this.#flush(one)
  }

  #flush(waiting: Flushable): void {
    try {
      waiting.flush()
    } catch (error) {
      // One outlet's fault must not hold back the others.
      queueMicrotask(() => this.#onError(error))
    }
  }
}

// Not a matter of time, so no clock: the platform's own end of a turn.
const schedule: (task: () => void) => void =
  typeof setImmediate === 'function' ? (task) => void setImmediate(task) : (task) => postTurn(task)

function postTurn(task: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    task()
  }
  port2.postMessage(null)
}
