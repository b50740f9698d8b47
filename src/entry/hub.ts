import { type Mint } from '../auth/mint.js'
import type { Principal } from '../auth/principal.js'
import { type Handler, type RequestOrigin } from '../http/handler.js'
import type { Counters, Gauges } from '../hub/counters.js'
import { type Connections } from '../hub/connections.js'
import { type StatsQuery } from '../hub/figures/statistics.js'
import type { Stats } from '../hub/figures/stats.js'
import { HubCore } from '../hub/hub.js'
import type { SubscribeOptions } from '../hub/subscribe.js'
import { type LimitStats } from '../hub/limits/limits.js'
import type { PublishOf, PublishResult } from '../hub/publish.js'
import type { JobStats } from '../jobs/counters.js'
import type { RevocationTarget } from '../hub/revocation.js'
import type { EventOf, EventOfType, FilterOf, MaybeDeclared, TypeOf } from '../protocol/declared-events.js'
import type { Jobs } from '../work/jobs.js'

/** The server side: takes events, keeps them, delivers them. */
export interface Hub<Declared extends MaybeDeclared = undefined> {
  /** Publishes one event to the default namespace, or an array all or nothing. Resolves once it is as durable as the store (D2). */
  publish<Type extends TypeOf<Declared>>(
    event: PublishOf<Declared, Type>,
    options?: InNamespace,
  ): Promise<PublishResult>
  publish<Type extends TypeOf<Declared>>(
    events: readonly PublishOf<Declared, Type>[],
    options?: InNamespace,
  ): Promise<PublishResult[]>
  /** The ordered, resumable sequence of some topics, in this process (D9). */
  subscribe<const Type extends FilterOf<Declared>>(
    topics: readonly string[],
    options: SubscribeOptions<Type> & { readonly types: readonly Type[] } & InNamespace,
  ): AsyncIterableIterator<EventOfType<Declared, Type>>
  subscribe(
    topics: readonly string[],
    options?: SubscribeOptions<FilterOf<Declared>> & InNamespace,
  ): AsyncIterableIterator<EventOf<Declared>>
  /** Jobs of the default namespace. */
  readonly jobs: Jobs
  jobsOf(namespace: string): Jobs
  /**
   * Ends what a user or a session has open, or what was opened with one token (its `jti`), on every node within a second, and
   * refuses what they held: tokens of the user that were made before, and any credential of the session (A5). A user's session
   * is asked again at the next connect. Rejects with the store's failure where it could not be kept: it holds on this node
   * then, and is kept when the store is back.
   */
  revoke(target: RevocationTarget, options?: InNamespace): Promise<{ readonly closed: number }>
  readonly connections: Connections
  /**
   * Takes away what is kept of a topic; its readers get `gap` (`unknown`). Rejects with `topic_reserved` for a `job:` topic, whose
   * job would go with it: `DELETE /jobs/{id}` takes jobs away.
   */
  eraseTopic(topic: string, options?: InNamespace): Promise<void>
  /** Who sends this request: the same answer as on the hub's own routes. Throws `unauthorized`. */
  authenticate(request: Request, from?: RequestOrigin): Promise<Principal>
  /** Every route of the hub, for any runtime that speaks `Request → Response`. */
  fetch(request: Request, from?: RequestOrigin): Promise<Response>
  /** What this node has done since it started, and what is so right now. `jobs`: see {@link JobStats}. */
  stats(): Counters & Gauges & { readonly jobs: JobStats; readonly limits: LimitStats }
  /** What `GET /stats` answers: all nodes of the store together, their lists of one namespace (O3). */
  statistics(query?: StatsQuery & InNamespace): Promise<Stats>
  /** Says `bye` to every reader, waits up to `drainMs` (default 10,000) for them to go, then closes the store. */
  close(options?: { readonly drainMs?: number }): Promise<void>
  /** What adapters of other runtimes need; not for applications, and not under the promise of versions. */
  readonly internals: HubInternals
}

/** A hub whatever its events are: what adapters and bridges take. */
export type AnyHub = Omit<Hub, 'publish' | 'subscribe'>

export interface InNamespace {
  /** Default `default`. */
  readonly namespace?: string
}

export interface HubInternals {
  readonly core: HubCore
  readonly handler: Handler
  readonly mint: Mint
  /** Streams too. */
  readonly compresses: boolean
  /** Throws where a setting does not go with listening on this address; null: all go with any. */
  readonly checkListener: ((address: string | undefined) => void) | null
}
