import { type ErrorCode, TidingsError } from '../errors.js'
import type { JobAction, JobAnswer, JobUpdate } from '../protocol/job.js'
import { bytesOf, merge } from './merge.js'

/** What becomes of a command. The same for all that were added up with it, so that a million calls make no million promises. */
export interface Outcome {
  readonly answer: Promise<JobAnswer>
  readonly accepted: Promise<boolean>
}

/** What waits for its turn: a command, or updates of one kind that were added up. */
class Parcel implements Outcome {
  /** Given by the caller; else one is made when it is sent. */
  readonly id: string | undefined
  action: JobAction
  /** Of the lines and events in it. */
  bytes: number
  /** Whether somebody surely looks at what becomes of it. */
  readonly awaited: boolean
  readonly answer: Promise<JobAnswer>
  readonly accepted: Promise<boolean>
  resolve!: (answer: JobAnswer) => void
  reject!: (error: unknown) => void

  constructor(action: JobAction, bytes: number, id: string | undefined, awaited: boolean) {
    this.action = action
    this.bytes = bytes
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

  /** Where others may go with it in one command. */
  get update(): JobUpdate | null {
    return this.action.action === 'update' && this.id === undefined ? this.action : null
  }

  /** Takes `second` in, where one command can carry both. */
  take(second: JobUpdate, bytes: number): boolean {
    const merged = this.update && merge(this.update, second, this.bytes + bytes)
    if (!merged) return false
    this.action = { action: 'update', ...merged }
    this.bytes += bytes
    return true
  }
}

type Send = (action: JobAction, id: string | undefined) => Promise<JobAnswer>

/** What a parcel costs beside its lines and events, roughly. */
const parcelBytes = 1024
/** As much as a node queues of publishes: enough for minutes of log lines, and no danger to the process. */
const largestBytes = 16 * 1024 * 1024
/** So many parcels are looked at for one that an update can be added to. */
const looksBack = 8
/** Refusals of what one of several updates says; nothing of any of them was carried out. */
const faulty: ReadonlySet<ErrorCode> = new Set([
  'job_invalid',
  'event_invalid',
  'type_invalid',
  'type_reserved',
  'topic_invalid',
  'topic_reserved',
  'data_too_large',
  'body_too_large',
])

/**
 * Commands of one handle leave one after another, in the order of the calls; each is answered, or given up, before the next
 * one leaves. Updates that come while one is under way go together in the next, so that a loop over a thousand pages
 * costs a few commands, and counting goes on in bounded memory while the store is away. An update with an id of its own
 * goes alone. Where one of several is refused for what it says, each is sent by itself: an event that does not fit must
 * not cost what was counted beside it.
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
   * Nobody has to wait for what becomes of it, unless `awaited` says so. An update that would make the outbox larger than
   * 16 MiB is rejected at once with `rate_limited`; counters and values that can be added to what waits never are.
   */
  add(action: JobAction, id?: string, awaited = false): Outcome {
    const bytes = bytesOf(action)
    const found = action.action === 'update' && id === undefined ? this.#addTo(action, bytes) : null
    if (found) return found
    const parcel = new Parcel(action, bytes, id, awaited)
    if (action.action === 'update' && this.#bytes + bytes + parcelBytes > largestBytes) {
      this.#fail([parcel], full())
      return parcel
    }
    this.#bytes += bytes + parcelBytes
    this.#parcels.push(parcel)
    if (!this.#sending) {
      this.#sending = true
      void this.#work()
    }
    return parcel
  }

  /**
   * Only updates that name the same counters are added up, and events never: then a refusal hits nobody else. Counters may
   * overtake others, values and lines not.
   */
  #addTo(update: JobUpdate, bytes: number): Parcel | null {
    if (bytes > 0 && this.#bytes + bytes > largestBytes) return null
    const names = namesIn(update)
    for (let back = 1; back <= looksBack && !update.publish; back++) {
      const parcel = this.#parcels.at(-back)
      const waiting = parcel?.update
      if (!parcel || !waiting || waiting.publish) break
      if (namesIn(waiting) === names && parcel.take(update, bytes)) {
        this.#bytes += bytes
        return parcel
      }
      if ((update.set && waiting.set) || (update.log && waiting.log)) break
    }
    // Where no further parcel has room, what does not grow goes into the last one, whatever else is in it.
    const last = this.#parcels.at(-1)
    const isFull = this.#bytes + parcelBytes > largestBytes
    return isFull && bytes === 0 && last?.take(update, 0) ? last : null
  }

  async #work(): Promise<void> {
    await null // What is said in one go leaves in one command.
    for (let first = this.#parcels.shift(); first; first = this.#parcels.shift()) {
      const together = this.#together(first)
      await this.#deliver(together.parcels, together.action)
      for (const { bytes } of together.parcels) this.#bytes -= bytes + parcelBytes
    }
    this.#sending = false
  }

  /** What one command carries: the first, and of the updates behind it as many as fit. */
  #together(first: Parcel): { readonly parcels: readonly Parcel[]; readonly action: JobAction } {
    const parcels = [first]
    let { action, bytes } = first
    for (let next = this.#parcels[0]; first.update && next?.update; next = this.#parcels[0]) {
      bytes += next.bytes
      const merged = merge(action as JobUpdate, next.update, bytes)
      if (!merged) break
      action = { action: 'update', ...merged }
      parcels.push(next)
      this.#parcels.shift()
    }
    return { parcels, action }
  }

  async #deliver(parcels: readonly Parcel[], action: JobAction): Promise<void> {
    try {
      const answer = await this.#send(action, parcels[0]?.id)
      for (const parcel of parcels) parcel.resolve(answer)
    } catch (error) {
      const isFaulty = error instanceof TidingsError && faulty.has(error.code)
      if (!isFaulty || parcels.length === 1) this.#fail(parcels, error)
      else for (const parcel of parcels) await this.#deliver([parcel], parcel.action)
    }
  }

  #fail(parcels: readonly Parcel[], error: unknown): void {
    if (parcels.some(({ awaited }) => !awaited)) this.#onError(error)
    for (const parcel of parcels) parcel.reject(error)
  }
}

const namesIn = ({ increment }: JobUpdate): string => (increment ? Object.keys(increment).toSorted().join(' ') : '')

const full = (): TidingsError =>
  new TidingsError(
    'rate_limited',
    `More than ${largestBytes / 1024 / 1024} MiB of updates of this job wait to be sent. Await some of them.`,
  )
