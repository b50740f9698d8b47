import { Worker } from 'node:worker_threads'
import type { Clock } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { AnswerTo, Batch, Kind, Reply, Request, ThreadOptions } from './requests.js'

interface Pending {
  readonly kind: Kind
  answer(value: unknown): void
  refuse(error: TidingsError): void
}

/** The thread in which SQLite runs, as a function of requests. Requests of one tick travel together; answers come in order. */
export class SqliteThread {
  readonly #worker: Worker
  readonly #clock: Clock
  readonly #onDeath: () => void
  readonly #pending: Pending[] = []
  #outbox: Request[] = []
  #dead: TidingsError | null = null
  #closing = false

  /** `onDeath` is called once if the thread ends without being asked to. */
  constructor(options: ThreadOptions, clock: Clock, onDeath: () => void) {
    this.#clock = clock
    this.#onDeath = onDeath
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: options,
      name: 'tidings-sqlite',
      // Node 22 says once per process that its SQLite may still change.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#worker.on('message', (reply: Reply) => this.#receive(reply))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', (code) => this.#die(new Error(`it ended with code ${code}`)))
  }

  /**
   * Sends a request with those of the same tick. `then` turns the answer into the result at once, before the next answer
   * is looked at and before anybody hears of this one.
   */
  ask<K extends Kind, Result = AnswerTo<K>>(
    request: Request<K>,
    then: (answer: AnswerTo<K>) => Result = (answer) => answer as unknown as Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead)
      if (this.#pending.length === 0) this.#worker.ref()
      this.#pending.push({
        kind: request.kind,
        answer: (value) => resolve(then(value as AnswerTo<K>)),
        refuse: reject,
      })
      if (this.#outbox.push(request as Request) === 1) process.nextTick(() => this.#send())
    })
  }

  /** Like `ask`, in a batch of its own: opening and closing are no part of a transaction. */
  askAlone<K extends Kind>(request: Request<K>): Promise<AnswerTo<K>> {
    this.#send()
    const answered = this.ask(request)
    this.#send()
    return answered
  }

  /** Finishes what was accepted, closes the file and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true
    try {
      await this.askAlone<'close'>({ kind: 'close' })
    } finally {
      await this.#worker.terminate()
    }
  }

  async terminate(): Promise<void> {
    this.#closing = true
    await this.#worker.terminate()
  }

  #send(): void {
    if (this.#outbox.length === 0 || this.#dead) return
    const time = { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() }
    const batch: Batch = { time, requests: this.#outbox }
    this.#outbox = []
    this.#worker.postMessage(batch)
  }

  #receive(reply: Reply): void {
    for (const answer of reply) {
      const pending = this.#pending.shift()
      if ('value' in answer) pending?.answer(answer.value)
      else pending?.refuse(new TidingsError(answer.failure.code, answer.failure.message))
    }
    // An open store alone does not keep the process alive; what somebody waits for does.
    if (this.#pending.length === 0) this.#worker.unref()
  }

  #die(cause: Error): void {
    if (this.#dead) return
    this.#dead = this.#closing
      ? new TidingsError('closed', 'The store is closed.')
      : new TidingsError(
          'store_unavailable',
          `The thread of the SQLite store died: ${cause.message}. Open the store anew.`,
          { cause },
        )
    for (const { kind, refuse } of this.#pending.splice(0)) {
      const isUnknown = kind === 'append' && !this.#closing
      const message = 'Whether this was stored is unknown: the thread of the SQLite store died.'
      refuse(isUnknown ? new TidingsError('indeterminate', message, { cause }) : this.#dead)
    }
    if (!this.#closing) this.#onDeath()
  }
}
