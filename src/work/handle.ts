import { TidingsError } from '../errors.js'
import {
  type Counters,
  type Job,
  type JobAction,
  type JobAnswer,
  type JobCommand,
  type JobError,
  type JobUpdate,
  type LogLevel,
} from '../protocol/job.js'
import { checkCommand } from '../protocol/job-input.js'
import { safeError } from './failure.js'
import { Outbox, type Outcome } from './outbox.js'
import type { CommandLimits, JobsPort, WorkParts } from './port.js'
import { Renewal } from './renewal.js'
import { asked, untilAnswered } from './repeat.js'

/** An id of your own makes a command harmless to repeat, also by another process (J2); such a command is not merged. */
export interface CommandOptions {
  readonly id?: string
}

/**
 * One job, to work on. Promises resolve to whether the command was accepted: false once the job has ended or went to
 * another attempt. None has to be awaited; they leave in the order of the calls. While the store or the hub is away they
 * wait and are tried again, counters merged; after 4½ minutes of uncertainty they reject with `indeterminate`. From the
 * first accepted command on the handle renews the lease every third of it (J6), until the attempt ends or {@link close}.
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
  /** With attempts left the job is queued again. Of an `Error` only what is safe to show is told. */
  fail(error: JobError | Error): Promise<boolean>
  /** Overtakes what is on its way. */
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
  readonly #renewal: Renewal
  #attempt: number | undefined
  #lost: ((reason: LostReason) => void) | null = null

  constructor(port: JobsPort, parts: WorkParts, id: string, attempt?: number) {
    this.id = id
    this.#port = port
    this.#parts = parts
    this.#attempt = attempt
    this.#outbox = new Outbox((action, commandId) => this.#send(action, commandId), parts.onError)
    this.#renewal = new Renewal(parts, (tryMs) =>
      this.#try(this.#commandOf({ action: 'renew' }), parts.clock.monotonic(), { tryMs }),
    )
  }

  get attempt(): number | undefined {
    return this.#attempt
  }

  /** `told` is called when an answer shows that this worker has nothing more to do for the job. */
  whenLost(told: (reason: LostReason) => void): void {
    this.#lost = told
  }

  /** A command in its place in the order of the calls; the whole answer, which must be awaited. */
  ask(action: JobAction): Promise<JobAnswer> {
    return this.#outbox.add(action, undefined, true).answer
  }

  start(): Promise<boolean> {
    return this.#say({ action: 'start' })
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
    return this.#say({ action: 'update', ...update }, options.id)
  }

  complete(result?: unknown): Promise<boolean> {
    return this.#say({ action: 'complete', ...(result !== undefined && { result }) })
  }

  fail(error: JobError | Error): Promise<boolean> {
    return this.#say({ action: 'fail', error: error instanceof Error ? safeError(error) : error })
  }

  cancel(): Promise<boolean> {
    return quiet(this.#send({ action: 'cancel' }).then(accepted))
  }

  renew(): Promise<boolean> {
    return quiet(this.#send({ action: 'renew' }).then(accepted))
  }

  snapshot(): Promise<Job | null> {
    return asked(this.#port.remote, this.#parts, 'The reading of a job', () => this.#port.snapshot(this.id))
  }

  close(): void {
    this.#renewal.stop()
  }

  /** A command that the caller may not be waiting for: whatever becomes of it, `onError` hears of a failure. */
  #say(action: JobAction, commandId?: string): Promise<boolean> {
    let outcome: Outcome
    try {
      // Here, not only at the hub: a wrong update must not spoil the command that others were merged into.
      const { id: _, ...checked } = checkCommand({ ...action, id: commandId ?? 'unnamed' })
      this.#parts.check?.(checked)
      outcome = this.#outbox.add(checked as JobAction, commandId)
    } catch (error) {
      this.#parts.onError(error)
      return quiet(Promise.reject(error))
    }
    return outcome.accepted
  }

  #commandOf(action: JobAction, id: string = this.#parts.makeId()): JobCommand {
    const attempt = this.#attempt
    // Checked here too, so that a result that is no JSON fails the job over HTTP as it does in process.
    this.#parts.check?.(action)
    return checkCommand({ id, ...(attempt !== undefined && { attempt }), ...action })
  }

  /** One command, tried until it is answered: the same id and the same attempt each time. */
  async #send(action: JobAction, id?: string): Promise<JobAnswer> {
    const command = this.#commandOf(action, id)
    const sentAt = this.#parts.clock.monotonic()
    return await untilAnswered(this.#parts, () => this.#try(command, sentAt), {
      what: `"${action.action}" of the job ${this.id}`,
      longestPauseMs: this.#renewal.longestPauseMs,
    })
  }

  async #try(command: JobCommand, sentAt: number, limits?: CommandLimits): Promise<JobAnswer> {
    try {
      const answer = await this.#port.command(this.id, command, limits)
      this.#heard(answer, sentAt)
      return answer
    } catch (error) {
      if (error instanceof TidingsError && error.code === 'not_found') this.#lose('gone')
      throw error
    }
  }

  #heard({ accepted, reason, job, leaseMs }: JobAnswer, sentAt: number): void {
    if (!accepted) return this.#lose(reason ?? 'ended')
    // Sent again after a lost answer: the attempt that it was for is over, and whose the next one is does not show.
    if (this.#attempt === undefined && job.status === 'queued') return
    this.#attempt ??= job.attempt
    // Ended, or queued for another attempt: to renew would begin that one.
    if (job.status !== 'running' || job.attempt !== this.#attempt) this.close()
    else if (leaseMs !== undefined) this.#renewal.kept(leaseMs, sentAt)
  }

  #lose(reason: LostReason): void {
    this.close()
    this.#lost?.(reason)
  }
}

const accepted = (answer: JobAnswer): boolean => answer.accepted

/** The same promise, which may be left un-awaited. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
