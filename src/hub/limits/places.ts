import type { ConnectionLimit } from './settings.js'

/** How many connections one key has open on this node. Shared by all of them, so that a connection costs no text of its own. */
export interface Count {
  readonly limit: ConnectionLimit
  readonly key: string
  open: number
}

/** Who wants to connect, once that is known. */
export interface Claim {
  readonly signedIn: boolean
  readonly namespace: string
  readonly userId?: string | undefined
  readonly sessionId?: string | undefined
  /** Stands for the principal: only with the same one does a connection take the place of another. */
  readonly principal: string
}

/** What a place is held of: the counts behind the limits. */
export interface PlaceKeeper {
  /** Counts one more of `key`, or throws `rate_limited`; with `free`, whatever the limit. */
  count(limit: ConnectionLimit, key: string, free: boolean): Count
  /** Throws `rate_limited` where a count that was free is over its limit. */
  recheck(count: Count): void
  uncount(count: Count): void
  /** All places of a client, the earliest first. */
  of(client: string): readonly Place[]
  join(client: string, place: Place): void
  part(client: string, place: Place): void
  /** A stream of this client is open. */
  opened(client: string, principal: string): void
  /** Whether another node has a stream of this client and principal. */
  elsewhere(client: string, principal: string): boolean
}

const none: readonly Count[] = []

/**
 * The place of one connection in the limits (A6), from before it has said who it is until it is gone. Two ids are joined by
 * a space, which no id can hold.
 */
export class Place {
  /** Monotonic ms, whole, which V8 keeps in place. Never before the moment: a later one must not pass for the elder. */
  readonly sinceMs: number
  readonly #keeper: PlaceKeeper
  readonly #address: string | null
  /** 128 bits that the reader made, and by which it can say that this is its stream of before, come back. */
  readonly #client: string | null
  #counts: Count[] = []
  /** Counts that were free, until it is known whose place it is. */
  #free: readonly Count[] = none
  #principal: string | null = null
  #end: (() => void) | null = null
  #state: 'open' | 'replaced' | 'released' = 'open'

  /** Throws `rate_limited`. `address` is null where it is not known: then it is not counted. */
  constructor(keeper: PlaceKeeper, address: string | null, client: string | null, nowMs: number) {
    this.sinceMs = Math.ceil(nowMs)
    this.#keeper = keeper
    this.#address = address
    this.#client = client
    // Whose stream it is, shows later; until then the client's word is taken, if there is such a stream.
    const before = client === null ? [] : keeper.of(client)
    this.#counting(() => {
      this.#take('total', '', before)
      if (address !== null) this.#take('address', address, before)
    })
  }

  get client(): string | null {
    return this.#client
  }
  get principal(): string | null {
    return this.#principal
  }
  get address(): string | null {
    return this.#address
  }

  /** Counts what is known of it by now. Throws `rate_limited`, having let go of everything. */
  claim({ signedIn, namespace, userId, sessionId, principal }: Claim): void {
    const before = this.#before(principal)
    // It is not held against its owner that the network lost the stream whose place this one takes.
    const isElsewhere = this.#client !== null && before.length === 0 && this.#keeper.elsewhere(this.#client, principal)
    this.#counting(() => {
      if (before.length === 0) for (const count of this.#free) this.#keeper.recheck(count)
      if (!signedIn && this.#address !== null) this.#take('anonymousAddress', this.#address, before)
      if (sessionId !== undefined) this.#take('session', `${namespace} ${sessionId}`, before, isElsewhere)
      if (userId !== undefined) this.#take('user', `${namespace} ${userId}`, before, isElsewhere)
      this.#take('namespace', namespace, before, isElsewhere)
    })
    this.#free = none
    // An array keeps room for what might be pushed; ten thousand of these wait for nothing more.
    this.#counts = this.#counts.slice()
    if (this.#client === null) return
    // One that is open and one that is about to be: more would be a way around the limits.
    for (const elder of before.slice(0, -1)) elder.replace()
    this.#principal = principal
    this.#keeper.join(this.#client, this)
  }

  /** It is open, and `end` ends it for another that takes its place. Those before it are ended now. */
  opened(end: () => void): void {
    if (this.#state === 'replaced') return end()
    // Hung up meanwhile: it takes nobody's place.
    if (this.#state === 'released') return
    if (this.#client === null || this.#principal === null) return
    this.#end = end
    this.#keeper.opened(this.#client, this.#principal)
    const together = this.#before(this.#principal)
    for (const elder of together.slice(0, together.indexOf(this))) elder.replace()
  }

  /** It ends because another takes its place, and no longer counts. */
  replace(): void {
    if (this.#state !== 'open') return
    const end = this.#end
    this.release()
    this.#state = 'replaced'
    end?.()
  }

  /** It is gone. Safe to call twice. */
  release(): void {
    if (this.#state !== 'open') return
    this.#state = 'released'
    // The options of a connection, which are told of when it is gone, have its place: through this it would be kept, socket and all.
    this.#end = null
    for (const count of this.#counts.splice(0)) this.#keeper.uncount(count)
    if (this.#client !== null && this.#principal !== null) this.#keeper.part(this.#client, this)
  }

  #holds(limit: ConnectionLimit, key: string): boolean {
    return this.#counts.some((count) => count.limit === limit && count.key === key)
  }

  #before(principal: string): readonly Place[] {
    return this.#client === null ? [] : this.#keeper.of(this.#client).filter((place) => place.principal === principal)
  }

  #counting(counting: () => void): void {
    try {
      counting()
    } catch (error) {
      this.release()
      throw error
    }
  }

  /** A key that the last stream of this client holds too is free: it goes when this one is open. */
  #take(limit: ConnectionLimit, key: string, before: readonly Place[], isElsewhere = false): void {
    const last = before.at(-1)
    const held = last !== undefined && last.#holds(limit, key)
    const count = this.#keeper.count(limit, key, held || isElsewhere)
    this.#counts.push(count)
    if (held && this.#principal === null) this.#free = [...this.#free, count]
  }
}
