import type { Claim, IdWindow } from './store.js'

interface Remembered {
  readonly digest: string
  /** The number of the event; null for a command. */
  readonly seq: number | null
  readonly atMs: number
}

/** What an id is to the store: never seen, seen with the same content, or seen standing for something else. */
export type Recognition = 'new' | 'reused' | { readonly seq: number | null }

/** The ids of a namespace for as long as repetitions are recognised (D3). Times are of a clock that never falls. */
export class IdMemory {
  readonly #limits: { readonly ageMs: number; readonly ids: number }
  /** In order of arrival, so that the oldest is first. */
  readonly #ids = new Map<string, Remembered>()

  constructor(limits: { readonly ageMs: number; readonly ids: number }) {
    this.#limits = limits
  }

  /** Commands and events share one space of ids: the id of a command is no repetition of an event, whatever its digest. */
  recognise(claim: Claim, kind: 'command' | 'event'): Recognition {
    const known = this.#ids.get(claim.id)
    if (!known) return 'new'
    const sameKind = (known.seq === null) === (kind === 'command')
    return sameKind && known.digest === claim.digest ? { seq: known.seq } : 'reused'
  }

  remember(claim: Claim, seq: number | null, atMs: number): void {
    this.#ids.set(claim.id, { digest: claim.digest, seq, atMs })
  }

  forget(nowMs: number): void {
    for (const [id, { atMs }] of this.#ids) {
      if (this.#ids.size <= this.#limits.ids && nowMs - atMs <= this.#limits.ageMs) return
      this.#ids.delete(id)
    }
  }

  window(nowMs: number): IdWindow {
    const oldest = this.#ids.values().next().value
    return { ids: this.#ids.size, oldestAgeMs: oldest ? nowMs - oldest.atMs : 0 }
  }
}
