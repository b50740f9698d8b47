import type { Clock, Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { Reader } from './reader.js'
import type { Revocation } from './revocation.js'
import type { Revocations } from './revocations.js'
import type { StorePresence } from './store-presence.js'

export interface RevocationCopyParts {
  readonly revocations: Revocations
  readonly presence: StorePresence
  readonly clock: Clock
  readonly onError: (error: unknown, stage: string) => void
  /** Ends what is open of one that was not known here. */
  readonly found: (revocation: Revocation) => void
  /** One that was kept late: others have not heard of it. Rejects where they cannot be told. */
  readonly tell: (revocation: Revocation) => Promise<void>
}

/** Between looks for revocations that no word told of, and for old ones. */
const reloadMs = 600_000
/** Where the list could not be read at the start, it is asked for again after this. */
const againMs = 1_000

/** This node's copy of what the store keeps of revocations (S5): when it is read, and who waits for it. */
export class RevocationCopy {
  readonly #parts: RevocationCopyParts
  #loading: Promise<void> | null = null
  /** Until then this node knows nothing of what was revoked before it began. */
  #isRead = false
  #askedMs = Number.NEGATIVE_INFINITY
  #timer: Timer | null = null

  constructor(parts: RevocationCopyParts) {
    this.#parts = parts
  }

  /** Reads the list now, after `first`, and from then on now and then. Never rejects. */
  async start(first: () => Promise<void>): Promise<void> {
    await this.reload(first)
    this.#timer ??= this.#parts.clock.setTimer(() => this.#turn(), reloadMs)
  }

  /** Resolves when what is being read has been read: nobody is let in meanwhile. Never rejects. */
  settled(): Promise<void> | null {
    const { clock } = this.#parts
    if (!this.#isRead && !this.#loading && clock.monotonic() - this.#askedMs >= againMs) void this.reload()
    return this.#loading
  }

  /**
   * Throws `store_unavailable` for whoever may have been revoked while there is no copy to go by, as on a node that began
   * without its store. Who was let in before must not get in by a restart.
   */
  check(reader: Reader): void {
    if (this.#isRead || (reader.method !== 'jwt' && reader.sessionId === undefined)) return
    throw new TidingsError(
      'store_unavailable',
      'Whether this credential was revoked cannot be told before the store is there.',
      { retryAfterMs: againMs },
    )
  }

  async reload(first: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const { clock, presence, onError } = this.#parts
    this.#askedMs = clock.monotonic()
    if (!presence.available) return
    const loading = first()
      .then(() => this.#catchUp(clock.now()))
      .catch((error: unknown) => {
        if (!presence.explains(error)) onError(error, 'revocations')
      })
      .finally(() => {
        if (this.#loading === loading) this.#loading = null
      })
    this.#loading = loading
    await loading
  }

  close(): void {
    this.#timer?.cancel()
  }

  async #catchUp(nowMs: number): Promise<void> {
    const { revocations, found, tell } = this.#parts
    await revocations.load(nowMs, found)
    this.#isRead = true
    await revocations.saveLate((revocation) => {
      // Where this fails, the others find it in the store.
      tell(revocation).catch(() => undefined)
    })
  }

  #turn(): void {
    this.#timer = this.#parts.clock.setTimer(() => this.#turn(), reloadMs)
    // Nobody waits for this one: words have been heard all the time.
    void this.reload()
    if (this.#isRead) this.#loading = null
  }
}
