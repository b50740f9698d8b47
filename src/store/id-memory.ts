import { RisingIds } from './rising-ids.js'
import type { Claim, IdWindow, NewEvent } from './store.js'

interface Remembered {
  readonly digest: string
  /** The number of the event; null for a command. */
  readonly seq: number | null
}

/** What an id is to the store: never seen, seen with the same content, or seen standing for something else. */
export type Recognition = 'new' | 'reused' | { readonly seq: number | null }

/** The ids of a namespace for as long as repetitions are recognised (D3). Times are of a clock that never falls. */
export class IdMemory {
  readonly #limits: { readonly ageMs: number; readonly ids: number }
  /** Nearly all ids: hubs made them, and nobody ever asks about them. */
  readonly #made = new RisingIds()
  /** Those that publishers and commands were given, and the few that hubs made out of turn. */
  readonly #named = new Map<string, Remembered>()
  /**
   * The named ids in order of arrival, and when each arrived. Not asked of the map: its first entry is behind the places of
   * all that were deleted before it, so that finding the oldest of a full window would take longer than everything else.
   */
  #ids: (string | undefined)[] = []
  #times: number[] = []
  #start = 0

  constructor(limits: { readonly ageMs: number; readonly ids: number }) {
    this.#limits = limits
  }

  /** Commands and events share one space of ids: the id of a command is no repetition of an event, whatever its digest. */
  recognise(claim: Claim, kind: 'command' | 'event'): Recognition {
    const known = this.#named.get(claim.id) ?? this.#madeAs(claim.id)
    if (!known) return 'new'
    const { seq, digest } = known
    const sameKind = (seq === null) === (kind === 'command')
    return sameKind && digest === claim.digest ? { seq } : 'reused'
  }

  /** An event of this number. `fresh`: its hub has just made the id, so that it is no repetition. */
  rememberEvent({ id, digest, fresh }: NewEvent, seq: number, atMs: number): void {
    if (fresh && digest === '' && this.#made.add(id, seq, atMs)) return
    this.#remember(id, { digest, seq }, atMs)
  }

  rememberCommand({ id, digest }: Claim, atMs: number): void {
    this.#remember(id, { digest, seq: null }, atMs)
  }

  forget(nowMs: number): void {
    const { ids, ageMs } = this.#limits
    for (let oldestMs = this.#oldestMs; oldestMs !== undefined; oldestMs = this.#oldestMs) {
      if (this.#size <= ids && nowMs - oldestMs <= ageMs) break
      if (this.#made.oldestMs === oldestMs) this.#made.dropOldest()
      else this.#dropOldest()
    }
  }

  /** An id of at most that age is recognised. */
  recognisedMs(nowMs: number): number {
    const { ids, ageMs } = this.#limits
    return this.#size >= ids ? Math.min(ageMs, this.window(nowMs).oldestAgeMs) : ageMs
  }

  window(nowMs: number): IdWindow {
    const oldestMs = this.#oldestMs
    return { ids: this.#size, oldestAgeMs: oldestMs === undefined ? 0 : nowMs - oldestMs }
  }

  get #size(): number {
    return this.#named.size + this.#made.size
  }

  get #oldestMs(): number | undefined {
    const named = this.#times[this.#start]
    const made = this.#made.oldestMs
    return named === undefined || (made !== undefined && made < named) ? made : named
  }

  #madeAs(id: string): Remembered | null {
    const seq = this.#made.find(id)
    return seq === null ? null : { seq, digest: '' }
  }

  #remember(id: string, remembered: Remembered, atMs: number): void {
    const before = this.#named.size
    this.#named.set(id, remembered)
    if (this.#named.size === before) return
    this.#ids.push(id)
    this.#times.push(atMs)
  }

  #dropOldest(): void {
    this.#named.delete(this.#ids[this.#start] as string)
    this.#ids[this.#start++] = undefined
    if (this.#start < 1_024 || this.#start * 2 < this.#ids.length) return
    this.#ids = this.#ids.slice(this.#start)
    this.#times = this.#times.slice(this.#start)
    this.#start = 0
  }
}
