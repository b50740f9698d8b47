import { TidingsError } from '../errors.js'
import type { JobAction, JobAnswer } from '../protocol/job.js'
import { bytesOf, merge } from './merge.js'

/** What becomes of a command. The same for all that were merged into it, so that a million calls make no million promises. */
export interface Outcome {
  readonly answer: Promise<JobAnswer>
  readonly accepted: Promise<boolean>
}

/** A command that waits for its turn. */
class Parcel implements Outcome {
  /** Given by the caller; else one is made when it is sent. */
  readonly id: string | undefined
  action: JobAction
  /** Of the lines and events in it. */
  bytes = 0
  /** Whether somebody surely looks at what becomes of it. */
  readonly awaited: boolean
  readonly answer: Promise<JobAnswer>
  readonly accepted: Promise<boolean>
  resolve!: (answer: JobAnswer) => void
  reject!: (error: unknown) => void

  constructor(action: JobAction, id: string | undefined, awaited: boolean) {
    this.action = action
    this.id = id
    this.awaited = awaited
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.accepted = this.answer.then(({ accepted }) => accepted)
    // An increment that is not awaited must not end the process when it fails.
    this.answer.catch(() => {})
    this.accepted.catch(() => {})
  }
}

type Send = (action: JobAction, id: string | undefined) => Promise<JobAnswer>

/** What a parcel costs beside its lines and events, roughly. */
const parcelBytes = 1024
/** As much as a node queues of publishes: enough for minutes of log lines, and no danger to the process. */
const largestBytes = 16 * 1024 * 1024

/**
 * Commands of one handle leave one after another, in the order of the calls; each is answered, or given up, before the next
 * one leaves. Updates that come while one is under way are merged into the next, so that a loop over a thousand pages
 * costs a few commands, and counting goes on in bounded memory while the store is away. An update with an id of its own is
 * never merged.
 */
export class Outbox {
  readonly #send: Send
  readonly #onError: (error: unknown) => void
  readonly #parcels: Parcel[] = []
  #bytes = 0
  #sending = false

  /** `onError` hears of each command that failed and that nobody has to have awaited. */
  constructor(send: Send, onError: (error: unknown) => void) {
    this.#send = send
    this.#onError = onError
  }

  /**
   * Nobody has to wait for what becomes of it, unless `awaited` says so. An update that would make the outbox larger than 16 MiB is rejected at once
   * with `rate_limited`; counters and values that merge never do.
   */
  add(action: JobAction, id?: string, awaited = false): Outcome {
    const bytes = bytesOf(action)
    const last = this.#parcels.at(-1)
    if (
      last &&
      id === undefined &&
      (bytes === 0 || this.#bytes + bytes <= largestBytes) &&
      this.#merge(last, action, bytes)
    )
      return last
    const parcel = new Parcel(action, id, awaited)
    if (action.action === 'update' && this.#bytes + bytes + parcelBytes > largestBytes) {
      this.#fail(parcel, full())
      return parcel
    }
    parcel.bytes = bytes
    this.#bytes += bytes + parcelBytes
    this.#parcels.push(parcel)
    if (!this.#sending) {
      this.#sending = true
      void this.#work()
    }
    return parcel
  }

  #merge(last: Parcel, action: JobAction, bytes: number): boolean {
    if (last.action.action !== 'update' || action.action !== 'update' || last.id !== undefined) return false
    const merged = merge(last.action, action, last.bytes + bytes)
    if (!merged) return false
    last.action = { action: 'update', ...merged }
    last.bytes += bytes
    this.#bytes += bytes
    return true
  }

  async #work(): Promise<void> {
    await null // What is said in one go leaves in one command.
    for (let parcel = this.#parcels.shift(); parcel; parcel = this.#parcels.shift()) {
      try {
        parcel.resolve(await this.#send(parcel.action, parcel.id))
      } catch (error) {
        this.#fail(parcel, error)
      }
      this.#bytes -= parcel.bytes + parcelBytes
    }
    this.#sending = false
  }

  #fail(parcel: Parcel, error: unknown): void {
    if (!parcel.awaited) this.#onError(error)
    parcel.reject(error)
  }
}

const full = (): TidingsError =>
  new TidingsError(
    'rate_limited',
    `More than ${largestBytes / 1024 / 1024} MiB of updates of this job wait to be sent. Await some of them.`,
  )
