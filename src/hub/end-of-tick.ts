/** Runs tasks once everything that is ready now has happened, so that what one tick brings leaves in one write. */
export class EndOfTick {
  readonly #onError: (error: unknown) => void
  #tasks: (() => void)[] = []

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  add(task: () => void): void {
    if (this.#tasks.push(task) === 1) schedule(() => this.#run())
  }

  #run(): void {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) {
      try {
        task()
      } catch (error) {
        // One outlet's fault must not hold back the others.
        queueMicrotask(() => this.#onError(error))
      }
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
