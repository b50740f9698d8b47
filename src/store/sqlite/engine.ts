import { coarseIntervalMs } from '../coarse-clock.js'
import { Appends } from './append.js'
import type { Database, Statement } from './driver.js'
import { describeFailure, nothingWasWritten } from './failures.js'
import { SqliteHoldings } from './holdings.js'
import { Ids } from './ids.js'
import { Ledger, positionOf } from './ledger.js'
import { Log } from './log.js'
import { Moments } from './moments.js'
import { Reads } from './read.js'
import type { Answer, Batch, Request, SentTime, StoreTime, ThreadOptions } from './requests.js'
import { Meta } from './schema.js'
import { States } from './states.js'
import { TopicList } from './topic-list.js'
import { Trim } from './trim.js'
import { Upkeep } from './upkeep.js'

type Step = { readonly request: Request; readonly time: StoreTime }

/** Carries out batches of requests, each batch as one transaction: group commit. Runs in the thread. */
export class Engine {
  readonly #begin: Statement
  readonly #commit: Statement
  readonly #rollback: Statement
  readonly #ledger: Ledger
  readonly #meta: Meta
  readonly #ids: Ids
  readonly #moments: Moments
  readonly #trim: Trim
  readonly #states: States
  readonly #appends: Appends
  readonly #reads: Reads
  readonly #upkeep: Upkeep
  readonly #holdings: SqliteHoldings
  readonly #topicList: TopicList
  readonly #steadyFromMs: number
  #broken: Answer | null = null

  /** `opened`: the time of opening, from which the steady clock is anchored to what the file remembers. */
  constructor(database: Database, { limits }: ThreadOptions, opened: SentTime) {
    const { retention } = limits
    this.#begin = database.prepare('BEGIN')
    this.#commit = database.prepare('COMMIT')
    this.#rollback = database.prepare('ROLLBACK')
    this.#ledger = new Ledger(database)
    this.#meta = new Meta(database)
    const log = new Log(database)
    this.#ids = new Ids(database, this.#ledger, limits.idWindow)
    this.#moments = new Moments(database, coarseIntervalMs(Math.min(retention.ageMs, retention.personalAgeMs)))
    this.#trim = new Trim(database, retention, this.#ledger, log)
    this.#states = new States(database, this.#ledger, this.#meta)
    const parts = {
      ledger: this.#ledger,
      ids: this.#ids,
      states: this.#states,
      moments: this.#moments,
      trim: this.#trim,
    }
    this.#appends = new Appends({ ...parts, log }, limits)
    this.#reads = new Reads(database, this.#ledger, log)
    this.#upkeep = new Upkeep(database, retention, parts)
    this.#holdings = new SqliteHoldings(database, parts, limits)
    this.#topicList = new TopicList(database, this.#ledger)
    this.#steadyFromMs = Math.max(opened.wallMs, this.#meta.read('dueMs') ?? 0) - opened.monotonicMs
  }

  /** Answers in order. When it returns, what the answers say is durable. */
  run(batches: readonly Batch[]): Answer[] {
    const steps = batches.flatMap(({ time, requests }) => {
      const steadyMs = Math.floor(this.#steadyFromMs + time.monotonicMs)
      return requests.map((request): Step => ({ request, time: { wallMs: time.wallMs, steadyMs } }))
    })
    return this.#transact(steps)
  }

  #transact(steps: readonly Step[]): Answer[] {
    const broken = this.#broken
    if (broken) return steps.map(() => broken)
    let committing = false
    try {
      this.#begin.run()
      const answers = steps.map((step): Answer => ({ value: this.#carryOut(step) }))
      for (const namespace of this.#ledger.changedNamespaces()) this.#ids.trimByCount(namespace)
      this.#ledger.flush()
      committing = true
      this.#commit.run()
      this.#ledger.clear()
      return answers
    } catch (error) {
      this.#rollBack()
      if (committing && !nothingWasWritten(error)) return this.#breakOff(steps, error)
      // One of a group must not fail the others: each alone, and only those that cannot be done are refused.
      if (steps.length > 1) return steps.flatMap((step) => this.#transact([step]))
      return [{ failure: describeFailure(error) }]
    }
  }

  #rollBack(): void {
    this.#ledger.clear()
    this.#upkeep.reset()
    try {
      this.#rollback.run()
    } catch {
      // SQLite has rolled back by itself, as it does where the disk is full.
    }
  }

  /**
   * A COMMIT that failed while syncing cannot be tried again: the kernel drops the dirty pages of a failed fsync and says
   * yes to the next one, so a repetition would acknowledge what is not on the disk. Nobody knows whether this
   * transaction is in the file; opening it anew shows.
   */
  #breakOff(steps: readonly Step[], error: unknown): Answer[] {
    const { message } = describeFailure(error)
    this.#broken = {
      failure: {
        code: 'store_unavailable',
        message: `The SQLite store stopped after a failed commit; open it anew. ${message}`,
      },
    }
    return steps.map(() => ({
      failure: { code: 'indeterminate', message: `Whether this was stored is unknown: the commit failed. ${message}` },
    }))
  }

  #carryOut({ request, time }: Step): unknown {
    if (request.kind === 'introduce') return this.#ledger.introduce(request.namespace, request.epoch)
    if (request.kind === 'due') return this.#states.due(request, time.steadyMs)
    if (request.kind === 'maintain') return this.#upkeep.step(time)
    if (request.kind === 'keptByAll') return this.#holdings.ofAll(time.steadyMs)
    if (request.kind === 'renewEpochs') return this.#ledger.renewEpochs(request.epochs)
    if (request.kind === 'open' || request.kind === 'close') return null
    const namespace = this.#ledger.namespace(request.namespace)
    switch (request.kind) {
      case 'append':
        return this.#appends.append(namespace, request.append, time)
      case 'read':
        return this.#reads.read(namespace, request.query)
      case 'head':
        return positionOf(namespace)
      case 'positionAt': {
        const seq =
          request.timestampMs > namespace.timestamp
            ? namespace.last
            : this.#moments.before(namespace, request.timestampMs)
        return { epoch: namespace.epoch, seq }
      }
      case 'state':
        return this.#appends.readState(namespace, request.topic, time)
      case 'states':
        return this.#states.list(namespace, request.query)
      case 'idWindow':
        return this.#ids.window(namespace, time.steadyMs)
      case 'kept':
        return this.#holdings.of(namespace, time.steadyMs)
      case 'topics':
        return this.#topicList.page(namespace, request.query)
      case 'describe':
        return this.#reads.describe(namespace, request.topic)
      case 'erase':
        this.#states.remove(namespace, request.topic)
        return this.#trim.erase(namespace, request.topic)
    }
  }
}
