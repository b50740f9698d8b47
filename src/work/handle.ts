import type { Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import {
  type Counters,
  type Job,
  type JobAction,
  type JobAnswer,
  type JobError,
  type JobUpdate,
  type LogLevel,
  isEnded,
} from '../protocol/job.js'
import { checkCommand, checkUpdate } from '../protocol/job-input.js'
import { safeError } from './failure.js'
import { Outbox } from './outbox.js'
import type { JobsPort, WorkParts } from './port.js'

/** An id of your own makes a command harmless to repeat, also by another process (J2); such a command is not merged. */
export interface CommandOptions {
  readonly id?: string
}

/**
 * One job, to work on. Promises resolve to whether the command was accepted: false once the job has ended or went to
 * another attempt. None has to be awaited; they leave in the order of the calls. From the first accepted command on the
 * handle renews the lease every third of it (J6), until the job ends or {@link close}.
 */
export interface JobHandle {
  readonly id: string
  /** Makes a queued job `running`; on a running one it changes nothing. */
  start(): Promise<boolean>
  /** Adds to counters, exactly, however many workers do (J2). */
  increment(counters: Counters, options?: CommandOptions): Promise<boolean>
  set(values: NonNullable<JobUpdate['set']>): Promise<boolean>
  log(level: LogLevel, message: string, data?: unknown): Promise<boolean>
  /** An event of your own type on the job's topics (E4). */
  publish(type: string, data: unknown): Promise<boolean>
  publishBatch(events: NonNullable<JobUpdate['publish']>): Promise<boolean>
  /** Several of the above in one step. */
  update(update: JobUpdate, options?: CommandOptions): Promise<boolean>
  /** False: somebody else ended it first (J3). */
  complete(result?: unknown): Promise<boolean>
  /** Of an `Error` only what is safe to show is told. */
  fail(error: JobError | Error): Promise<boolean>
  cancel(): Promise<boolean>
  renew(): Promise<boolean>
  snapshot(): Promise<Job | null>
  /** Stops renewing for good; what is on its way still arrives. */
  close(): void
}

export type LostReason = 'ended' | 'fenced' | 'gone'

export class Handle implements JobHandle {
  readonly id: string
  readonly #port: JobsPort
  readonly #parts: WorkParts
  readonly #outbox: Outbox
  #attempt: number | undefined
  #leaseMs: number | null = null
  #renewal: Timer | null = null
  #closed = false
  #lost: ((reason: LostReason) => void) | null = null

  constructor(port: JobsPort, parts: WorkParts, id: string, attempt?: number) {
    this.id = id
    this.#port = port
    this.#parts = parts
    this.#attempt = attempt
    this.#outbox = new Outbox((update, commandId) =>
      this.#reported(() => this.#send({ action: 'update', ...update }, commandId)),
    )
  }

  get attempt(): number | undefined {
    return this.#attempt
  }

  /** `told` is called when an answer shows that this worker has nothing more to do for the job. */
  whenLost(told: (reason: LostReason) => void): void {
    this.#lost = told
  }

  /** Sends a command that has its place in the order of the calls, and returns the whole answer. */
  async ask(action: JobAction): Promise<JobAnswer> {
    await this.#outbox.empty()
    return await this.#send(action)
  }

  start(): Promise<boolean> {
    return quiet(this.ask({ action: 'start' }).then(accepted))
  }

  increment(counters: Counters, options?: CommandOptions): Promise<boolean> {
    return this.update({ increment: counters }, options)
  }

  set(values: NonNullable<JobUpdate['set']>): Promise<boolean> {
    return this.update({ set: values })
  }

  log(level: LogLevel, message: string, data?: unknown): Promise<boolean> {
    return this.update({ log: [{ level, message, ...(data !== undefined && { data }) }] })
  }

  publish(type: string, data: unknown): Promise<boolean> {
    return this.update({ publish: [{ type, data }] })
  }

  publishBatch(events: NonNullable<JobUpdate['publish']>): Promise<boolean> {
    return this.update({ publish: events })
  }

  update(update: JobUpdate, options: CommandOptions = {}): Promise<boolean> {
    let checked: JobUpdate
    try {
      // Here, not only at the hub: a wrong update must not spoil the command that others were merged into.
      checked = checkUpdate(update)
    } catch (error) {
      this.#parts.onError(error)
      return quiet(Promise.reject(error))
    }
    return quiet(this.#outbox.add(checked, options.id).then(accepted))
  }

  complete(result?: unknown): Promise<boolean> {
    return quiet(this.ask({ action: 'complete', ...(result !== undefined && { result }) }).then(accepted))
  }

  fail(error: JobError | Error): Promise<boolean> {
    return quiet(this.ask({ action: 'fail', error: error instanceof Error ? safeError(error) : error }).then(accepted))
  }

  /** Overtakes what is on its way: whoever cancels does not want it any more. */
  cancel(): Promise<boolean> {
    return quiet(this.#send({ action: 'cancel' }).then(accepted))
  }

  renew(): Promise<boolean> {
    return quiet(this.#send({ action: 'renew' }).then(accepted))
  }

  snapshot(): Promise<Job | null> {
    return this.#port.snapshot(this.id)
  }

  close(): void {
    this.#closed = true
    this.#renewal?.cancel()
    this.#renewal = null
  }

  async #send(action: JobAction, id: string = this.#parts.makeId()): Promise<JobAnswer> {
    const attempt = this.#attempt
    try {
      const command = { id, ...(attempt !== undefined && { attempt }), ...action }
      // Here and not only in the hub, so that a result that is no JSON fails the job over HTTP as it does in process.
      checkCommand(command)
      const answer = await this.#port.command(this.id, command)
      this.#heard(action, answer)
      return answer
    } catch (error) {
      if (error instanceof TidingsError && error.code === 'not_found') this.#lose('gone')
      throw error
    }
  }

  #heard(action: JobAction, { accepted, reason, job, leaseMs }: JobAnswer): void {
    if (!accepted) return this.#lose(reason ?? 'ended')
    this.#attempt ??= job.attempt
    if (isEnded(job.status)) this.close()
    else if (action.action !== 'cancel' && leaseMs !== undefined) {
      this.#leaseMs = leaseMs
      this.#armRenewal()
    }
  }

  /** Counted from the last accepted command, which has renewed the lease too. */
  #armRenewal(): void {
    this.#renewal?.cancel()
    this.#renewal = null
    if (this.#leaseMs === null || this.#closed) return
    this.#renewal = this.#parts.clock.setTimer(() => {
      this.#send({ action: 'renew' }).catch((error) => {
        this.#parts.onError(error)
        this.#armRenewal()
      })
    }, this.#leaseMs / 3)
  }

  #lose(reason: LostReason): void {
    this.close()
    this.#lost?.(reason)
  }

  /** For commands that the caller may not be waiting for. */
  async #reported(send: () => Promise<JobAnswer>): Promise<JobAnswer> {
    try {
      return await send()
    } catch (error) {
      this.#parts.onError(error)
      throw error
    }
  }
}

const accepted = (answer: JobAnswer): boolean => answer.accepted

/** The same promise, which may be left un-awaited. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
