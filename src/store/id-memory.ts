import type { Claim, IdWindow } from './store.js'

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
  /** Nearly all are of events without a digest, which the hub named itself: of these the number alone is kept. */
  readonly #known = new Map<string, Remembered | number>()
  /**
   * The ids in order of arrival, and when each arrived. Not asked of the map: its first entry is behind the places of all
   * that were deleted before it, so that finding the oldest of a full window would take longer than everything else.
   */
  #ids: (string | undefined)[] = []
  #times: number[] = []
  #start = 0

  constructor(limits: { readonly ageMs: number; readonly ids: number }) {
    this.#limits = limits
  }

  /** Commands and events share one space of ids: the id of a command is no repetition of an event, whatever its digest. */
  recognise(claim: Claim, kind: 'command' | 'event'): Recognition {
    const known = this.#known.get(claim.id)
    if (known === undefined) return 'new'
    const { seq, digest } = typeof known === 'number' ? { seq: known, digest: '' } : known
    const sameKind = (seq === null) === (kind === 'command')
    return sameKind && digest === claim.digest ? { seq } : 'reused'
  }

  remember({ id, digest }: Claim, seq: number | null, atMs: number): void {
    const before = this.#known.size
    this.#known.set(id, digest === '' && seq !== null ? seq : { digest, seq })
    if (this.#known.size === before) return
    this.#ids.push(id)
    this.#times.push(atMs)
  }

  forget(nowMs: number): void {
    const { ids, ageMs } = this.#limits
    while (this.#start < this.#ids.length) {
      if (this.#known.size <= ids && nowMs - (this.#times[this.#start] as number) <= ageMs) break
      this.#known.delete(this.#ids[this.#start] as string)
      this.#ids[this.#start++] = undefined
    }
    if (this.#start < 1_024 || this.#start * 2 < this.#ids.length) return
    this.#ids = this.#ids.slice(this.#start)
    this.#times = this.#times.slice(this.#start)
    this.#start = 0
  }

  /** An id of at most that age is recognised. */
  recognisedMs(nowMs: number): number {
    const { ids, ageMs } = this.#limits
    return this.#known.size >= ids ? Math.min(ageMs, this.window(nowMs).oldestAgeMs) : ageMs
  }

  window(nowMs: number): IdWindow {
    const oldestMs = this.#times[this.#start]
    return { ids: this.#known.size, oldestAgeMs: oldestMs === undefined ? 0 : nowMs - oldestMs }
  }
}
