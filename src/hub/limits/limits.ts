import type { Clock } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { Random } from '../../random.js'
import { type Count, Place, type PlaceKeeper } from './places.js'
import { RateByKey } from './rate.js'
import {
  type ConnectionLimit,
  connectionLimits,
  type LimitedBy,
  type LimitedKind,
  limitedBy,
  limitedKinds,
  type LimitSettings,
} from './settings.js'

/** What other nodes have open, as far as they have told. */
export interface Elsewhere {
  open(limit: ConnectionLimit, key: string): number
  has(client: string): boolean
}

export interface LimitsParts {
  readonly settings: LimitSettings
  readonly clock: Clock
  readonly random: Random
  /** Told whenever a count of this node changes; `client` is told with 1 and 0. */
  readonly changed?: ((kind: ConnectionLimit | 'client', key: string, open: number) => void) | undefined
  /** Told of every stream with a client, once it is open. */
  readonly opened?: ((client: string, principal: string) => void) | undefined
  readonly elsewhere?: Elsewhere | undefined
}

/** Refusals of this node by the name of the limit, and how many keys are remembered. */
export interface LimitStats {
  readonly refused: Readonly<Record<string, number>>
  readonly keys: number
}

const people: Readonly<Record<ConnectionLimit | LimitedBy, string>> = {
  anonymousAddress: 'this address without sign-in',
  address: 'this address',
  session: 'this session',
  user: 'this user',
  namespace: 'this namespace',
  total: 'this hub',
}
const things: Readonly<Record<LimitedKind, string>> = {
  connects: 'streams opened',
  polls: 'reads',
  publishes: 'publishes',
  tokens: 'tokens',
  jobCommands: 'job commands',
}

/** What one caller may take of this node (A6). Exact here; what other nodes told of theirs counts too. */
export class Limits implements PlaceKeeper {
  readonly #parts: LimitsParts
  readonly #counts = Object.fromEntries(
    connectionLimits.map((limit) => [limit, new Map<string, Count>()]),
  ) as unknown as Record<ConnectionLimit, Map<string, Count>>
  readonly #rates: Readonly<Record<LimitedKind, Readonly<Record<LimitedBy, RateByKey | null>>>>
  readonly #clients = new Map<string, Place[]>()
  readonly #refused = new Map<string, number>()

  constructor(parts: LimitsParts) {
    this.#parts = parts
    const rate = (kind: LimitedKind, by: LimitedBy): RateByKey | null => {
      const given = parts.settings[kind][by]
      return given && new RateByKey(given)
    }
    this.#rates = Object.fromEntries(
      limitedKinds.map((kind) => [kind, Object.fromEntries(limitedBy.map((by) => [by, rate(kind, by)]))]),
    ) as Record<LimitedKind, Record<LimitedBy, RateByKey | null>>
  }

  get stats(): LimitStats {
    let keys = 0
    for (const limit of connectionLimits) keys += this.#counts[limit].size
    for (const kind of limitedKinds) for (const by of limitedBy) keys += this.#rates[kind][by]?.keys ?? 0
    return { refused: Object.fromEntries(this.#refused), keys }
  }

  /** Counts one of `kind` for a key, or throws `rate_limited`. */
  take(kind: LimitedKind, by: LimitedBy, key: string): void {
    const waitMs = this.#rates[kind][by]?.take(key, this.#parts.clock.monotonic()) ?? 0
    if (waitMs === 0) return
    const { perSecond, burst } = this.#parts.settings[kind][by] as { perSecond: number; burst: number }
    // Those who share an address or a namespace are refused together, and must not come back together.
    const spreadMs = by === 'address' || by === 'namespace' ? Math.max(waitMs, 1_000) : waitMs
    throw this.#refusal(
      `${kind}.${by}`,
      `Too many ${things[kind]} by ${people[by]}: ${perSecond} a second, ${burst} at once.`,
      waitMs + Math.round(this.#parts.random.fraction() * spreadMs),
    )
  }

  /** The place of a connection that is about to be. Throws `rate_limited`. */
  arrive(address: string | null, client: string | null): Place {
    return new Place(this, address, client, this.#parts.clock.monotonic())
  }

  /** Another node opened a stream of this client and principal so long ago: earlier ones here end. */
  replaced(client: string, principal: string, ageMs: number): void {
    const nowMs = this.#parts.clock.monotonic()
    for (const place of [...this.of(client)])
      if (place.principal === principal && nowMs - place.sinceMs >= ageMs) place.replace()
  }

  /** Lets go of keys that have been quiet. Called now and then. */
  forget(): void {
    const nowMs = this.#parts.clock.monotonic()
    for (const kind of limitedKinds) for (const by of limitedBy) this.#rates[kind][by]?.forget(nowMs)
  }

  /** Every count of this node that is not 0. */
  *all(): Iterable<readonly [ConnectionLimit | 'client', string, number]> {
    for (const limit of connectionLimits)
      for (const { key, open } of this.#counts[limit].values()) yield [limit, key, open]
    for (const [client, places] of this.#clients)
      for (const place of places) yield ['client', clientKey(client, place), 1]
  }

  // PlaceKeeper

  count(limit: ConnectionLimit, key: string, free: boolean): Count {
    const counts = this.#counts[limit]
    const count = counts.get(key) ?? { limit, key, open: 0 }
    if (!free) this.#check(count, 1)
    if (count.open++ === 0) counts.set(key, count)
    this.#parts.changed?.(limit, key, count.open)
    return count
  }

  recheck(count: Count): void {
    this.#check(count, 0)
  }

  uncount(count: Count): void {
    if (--count.open === 0) this.#counts[count.limit].delete(count.key)
    this.#parts.changed?.(count.limit, count.key, count.open)
  }

  of(client: string): readonly Place[] {
    return this.#clients.get(client) ?? []
  }

  join(client: string, place: Place): void {
    const places = this.#clients.get(client)
    if (places) places.push(place)
    else this.#clients.set(client, [place])
    this.#parts.changed?.('client', clientKey(client, place), 1)
  }

  part(client: string, place: Place): void {
    const places = this.#clients.get(client)
    const at = places?.indexOf(place) ?? -1
    if (!places || at < 0) return
    places.splice(at, 1)
    if (places.length === 0) this.#clients.delete(client)
    if (!places.some(({ principal }) => principal === place.principal))
      this.#parts.changed?.('client', clientKey(client, place), 0)
  }

  opened(client: string, principal: string): void {
    this.#parts.opened?.(client, principal)
  }

  elsewhere(client: string, principal: string): boolean {
    return this.#parts.elsewhere?.has(`${client} ${principal}`) ?? false
  }

  #check({ limit, key, open }: Count, more: number): void {
    const most = this.#parts.settings.connections[limit]
    if (most === null) return
    // Each node has room of its own.
    const others = limit === 'total' ? 0 : (this.#parts.elsewhere?.open(limit, key) ?? 0)
    if (open + others + more <= most) return
    throw this.#refusal(
      `connections.${limit}`,
      `Too many open connections of ${people[limit]}: ${most} at most.`,
      Math.round(1_000 + this.#parts.random.fraction() * 4_000),
    )
  }

  #refusal(limit: string, message: string, retryAfterMs: number): TidingsError {
    this.#refused.set(limit, (this.#refused.get(limit) ?? 0) + 1)
    return new TidingsError('rate_limited', message, { limit, retryAfterMs })
  }
}

const clientKey = (client: string, { principal }: Place): string => `${client} ${principal}`
