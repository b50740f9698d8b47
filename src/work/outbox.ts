import type { Counters, JobAnswer, JobUpdate } from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'

/** A command on its way, and everybody who waits for its answer. */
interface Parcel {
  readonly id: string | undefined
  update: JobUpdate
  readonly waiting: { resolve(answer: JobAnswer): void; reject(error: unknown): void }[]
}

type Send = (update: JobUpdate, id: string | undefined) => Promise<JobAnswer>

/**
 * Updates of one handle leave one after another, in the order of the calls. What comes while one is under way is merged
 * into the next, so that a loop over a thousand pages costs a few commands. An update with an id of its own is never merged.
 */
export class Outbox {
  readonly #send: Send
  readonly #parcels: Parcel[] = []
  #sending: Promise<void> | null = null

  constructor(send: Send) {
    this.#send = send
  }

  /** Resolves with the answer to the command that carried the update. Nobody has to wait for it. */
  add(update: JobUpdate, id?: string): Promise<JobAnswer> {
    const answered = new Promise<JobAnswer>((resolve, reject) => {
      const last = this.#parcels.at(-1)
      const merged = last && last.id === undefined && id === undefined ? merge(last.update, update) : null
      if (last && merged) {
        last.update = merged
        last.waiting.push({ resolve, reject })
      } else this.#parcels.push({ id, update, waiting: [{ resolve, reject }] })
    })
    // An increment that is not awaited must not end the process when it fails; `send` reports the failure.
    answered.catch(() => {})
    this.#sending ??= this.#work()
    return answered
  }

  /** Resolves when all that was added before has been answered or has failed. */
  async empty(): Promise<void> {
    await this.#sending
  }

  async #work(): Promise<void> {
    await null
    for (let parcel = this.#parcels.shift(); parcel; parcel = this.#parcels.shift()) {
      try {
        const answer = await this.#send(parcel.update, parcel.id)
        for (const { resolve } of parcel.waiting) resolve(answer)
      } catch (error) {
        for (const { reject } of parcel.waiting) reject(error)
      }
    }
    this.#sending = null
  }
}

/** One update that does what both did, or null where it would be too large for one command. */
function merge(first: JobUpdate, second: JobUpdate): JobUpdate | null {
  const increment = second.increment ? sum(first.increment ?? {}, second.increment) : first.increment
  const log = [...(first.log ?? []), ...(second.log ?? [])]
  const publish = [...(first.publish ?? []), ...(second.publish ?? [])]
  if (increment === null || log.length > jobLimits.lines || publish.length > mergedEvents) return null
  const merged = {
    ...(increment && { increment }),
    ...((first.set || second.set) && { set: { ...first.set, ...second.set } }),
    ...(log.length > 0 && { log }),
    ...(publish.length > 0 && { publish }),
  }
  const isLarge = (log.length > 0 || publish.length > 0) && bytesOf(merged) > mergedBytes
  return isLarge ? null : merged
}

/** Half of what a request may have: lines and events have limits of their own, but together they could pass it. */
const mergedBytes = 512 * 1024
const encoder = new TextEncoder()
const bytesOf = (update: JobUpdate): number => encoder.encode(JSON.stringify(update)).length

/** Each may be 64 KiB, and a request has 1 MiB. */
const mergedEvents = 10

function sum(first: Counters, second: Counters): Counters | null {
  const total: Record<string, number> = {}
  for (const counters of [first, second]) {
    for (const [name, by = 0] of Object.entries(counters)) {
      const next = (Object.hasOwn(total, name) ? (total[name] ?? 0) : 0) + by
      if (!Number.isSafeInteger(next)) return null
      total[name] = next
    }
  }
  return Object.keys(total).length > jobLimits.counters ? null : total
}
