import { createHash } from 'node:crypto'
import { TidingsError } from '../errors.js'
import type { StateWrite, Store } from '../store/store.js'
import { hubNamespace } from './nodes.js'
import type { Reader } from './reader.js'
import { type Revocation, type RevocationKind, isRevoked, refuses } from './revocation.js'

interface Entry {
  readonly revocation: Revocation
  /** Of {@link Revocations.generation}, when it was noted here. */
  readonly generation: number
}

/** A revocation takes about 200 bytes. */
const mostKept = 100_000
const group = '*revoked'
const page = 500

/**
 * What was revoked and still matters: in memory, asked at every request, and in the store, so that a node that was cut off
 * or restarted learns of it (A5). Forgotten once no token of before can be good any more.
 */
export class Revocations {
  readonly #store: Store
  readonly #keepMs: number
  /** By namespace, then by `kind:id`, whose first colon ends the kind. */
  readonly #entries = new Map<string, Map<string, Entry>>()
  /** Not in the store yet. */
  readonly #unsaved = new Set<Revocation>()
  #generation = 0
  #count = 0

  constructor(store: Store, keepMs: number) {
    this.#store = store
    this.#keepMs = keepMs
  }

  /** Rises with every revocation. Taken when a credential is read, it tells whether one has come since. */
  get generation(): number {
    return this.#generation
  }
  get size(): number {
    return this.#count
  }

  /** False: known already. */
  note(revocation: Revocation): boolean {
    const { namespace, kind, id, at } = revocation
    let entries = this.#entries.get(namespace)
    if (!entries) this.#entries.set(namespace, (entries = new Map()))
    const key = keyOf(kind, id)
    const known = entries.get(key)
    if (known && known.revocation.at >= at) return false
    if (!known) this.#count++
    entries.set(key, { revocation, generation: ++this.#generation })
    return true
  }

  /** Whether somebody who asks now is refused. */
  refuses(namespace: string, reader: Reader): boolean {
    return this.#of(namespace, reader).some(({ revocation }) => refuses(revocation, reader))
  }

  /** What has been revoked of this reader since its credential was read, or refuses it anyway; null: nothing. */
  since(generation: number, namespace: string, reader: Reader): Revocation | null {
    const found = this.#of(namespace, reader).find(
      (entry) =>
        refuses(entry.revocation, reader) || (entry.generation > generation && isRevoked(entry.revocation, reader)),
    )
    return found?.revocation ?? null
  }

  /** Keeps it in the store. Throws `quota` before anything is done where too many are kept. */
  async save(revocation: Revocation): Promise<void> {
    this.#unsaved.add(revocation)
    const write = writeOf(revocation)
    for (let expect = 0; ; ) {
      const result = await this.#store.append(hubNamespace, {
        events: [],
        states: [{ ...write, expect }],
        exempt: true,
      })
      if (result.outcome === 'stored') break
      const kept = result.outcome === 'conflict' ? result.states[0] : null
      if (!kept) throw new TidingsError('internal', `The store answered "${result.outcome}" to a revocation.`)
      if (kept.state && (decode(kept.state.value)?.at ?? 0) >= revocation.at) break
      expect = kept.state?.version ?? 0
    }
    this.#unsaved.delete(revocation)
  }

  checkRoom(): void {
    if (this.#count < mostKept) return
    throw new TidingsError('quota', `${mostKept} revocations are kept already; each is for ${this.#keepMs} ms.`, {
      retryAfterMs: 60_000,
    })
  }

  /** Saves what could not be saved when it was noted: others have not heard of it either. */
  async saveLate(saved: (revocation: Revocation) => void): Promise<void> {
    for (const revocation of [...this.#unsaved]) {
      await this.save(revocation)
      saved(revocation)
    }
  }

  /** Reads what the store keeps; `found` hears of each that was not known here. */
  async load(nowMs: number, found: (revocation: Revocation) => void): Promise<void> {
    let after: string | undefined
    do {
      const { states, next } = await this.#store.states(hubNamespace, {
        group,
        limit: page,
        ...(after !== undefined && { after }),
      })
      const old: StateWrite[] = []
      for (const { topic, version, value } of states) {
        const revocation = decode(value)
        if (!revocation || revocation.at + this.#keepMs <= nowMs) old.push({ topic, expect: version, value: null })
        else if (this.note(revocation)) found(revocation)
      }
      // Another node may be doing the same: whichever comes second finds nothing to do.
      if (old.length > 0) await this.#store.append(hubNamespace, { events: [], states: old, exempt: true })
      after = next
    } while (after !== undefined)
    this.#forget(nowMs)
  }

  #of(namespace: string, reader: Reader): readonly Entry[] {
    const entries = this.#entries.get(namespace)
    if (!entries) return none
    const of = (kind: RevocationKind, id: string | undefined): readonly Entry[] => {
      const entry = id === undefined ? undefined : entries.get(keyOf(kind, id))
      return entry ? [entry] : none
    }
    return [...of('user', reader.userId), ...of('session', reader.sessionId), ...of('tokenId', reader.tokenId)]
  }

  #forget(nowMs: number): void {
    for (const [namespace, entries] of this.#entries) {
      for (const [key, { revocation }] of entries) {
        if (revocation.at + this.#keepMs > nowMs) continue
        entries.delete(key)
        this.#count--
      }
      if (entries.size === 0) this.#entries.delete(namespace)
    }
  }
}

const none: readonly Entry[] = []
const keyOf = (kind: RevocationKind, id: string): string => `${kind}:${id}`

/** Its name is a digest: ids are longer than a topic may be. */
function writeOf({ namespace, kind, id, at }: Revocation): Omit<StateWrite, 'expect'> {
  const digest = createHash('sha256')
    .update(JSON.stringify([namespace, kind, id]))
    .digest('base64url')
  return { topic: `${group}:${digest}`, value: JSON.stringify({ namespace, kind, id, at }), group }
}

/** Null: of a newer version. */
function decode(value: string): Revocation | null {
  const { namespace, kind, id, at } = JSON.parse(value) as Partial<Revocation>
  const whole = typeof namespace === 'string' && typeof id === 'string' && typeof at === 'number'
  return whole && (kind === 'user' || kind === 'session' || kind === 'tokenId') ? { namespace, kind, id, at } : null
}
