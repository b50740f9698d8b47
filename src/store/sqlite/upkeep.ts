import { longestAgeMs, type Retention } from '../retention.js'
import type { Database } from './driver.js'
import type { Ids } from './ids.js'
import type { Ledger } from './ledger.js'
import type { Moments } from './moments.js'
import type { StoreTime } from './requests.js'
import type { Trim } from './trim.js'

/** Rows that one step may take away: some ms of the thread, so that appends and reads get in between. */
const stepRows = 2_000

/** What a store does about once a minute: notes the time, forgets old ids, trims by age. */
export class Upkeep {
  readonly #retention: Retention
  readonly #ledger: Ledger
  readonly #ids: Ids
  readonly #moments: Moments
  readonly #trim: Trim
  readonly #names
  #running: Generator<void, void, StoreTime> | null = null

  constructor(
    database: Database,
    retention: Retention,
    parts: { readonly ledger: Ledger; readonly ids: Ids; readonly moments: Moments; readonly trim: Trim },
  ) {
    this.#retention = retention
    this.#ledger = parts.ledger
    this.#ids = parts.ids
    this.#moments = parts.moments
    this.#trim = parts.trim
    this.#names = database.prepare('SELECT name FROM namespaces ORDER BY namespace')
  }

  /** One bounded step. Each runs in a transaction of its own, so nothing of the ledger may be kept between two. */
  step(time: StoreTime): { readonly done: boolean } {
    this.#running ??= this.#run(time)
    const done = this.#running.next(time).done === true
    if (done) this.#running = null
    return { done }
  }

  /** After a step that was rolled back: begin anew. */
  reset(): void {
    this.#running = null
  }

  *#run(begun: StoreTime): Generator<void, void, StoreTime> {
    const names = (this.#names.all() as { name: string }[]).map(({ name }) => name)
    for (const [at, name] of names.entries()) {
      this.#note(name, begun)
      while (this.#ids.trimByAge(this.#ledger.namespace(name), begun.steadyMs, stepRows) === stepRows) yield
      while (!this.#trim.byAge(this.#ledger.namespace(name), stepRows)) yield
      this.#forgetMoments(name, begun)
      if (at % 100 === 99) yield
    }
  }

  #note(name: string, { wallMs }: StoreTime): void {
    const namespace = this.#ledger.namespace(name)
    const nowMs = Math.max(wallMs, namespace.timestamp)
    const { ageMs, personalAgeMs } = this.#retention
    this.#moments.note(namespace, nowMs)
    const aged = this.#moments.through(namespace, nowMs - ageMs)
    const agedPersonal = this.#moments.through(namespace, nowMs - personalAgeMs)
    if (aged <= namespace.aged && agedPersonal <= namespace.aged_personal) return
    namespace.aged = Math.max(namespace.aged, aged)
    namespace.aged_personal = Math.max(namespace.aged_personal, agedPersonal)
    this.#ledger.changed(namespace)
  }

  #forgetMoments(name: string, { wallMs }: StoreTime): void {
    const namespace = this.#ledger.namespace(name)
    const nowMs = Math.max(wallMs, namespace.timestamp)
    this.#moments.forgetBelow(namespace, this.#moments.through(namespace, nowMs - longestAgeMs(this.#retention)))
  }
}
