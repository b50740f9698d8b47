import { createAuthenticate } from './auth/authenticate.js'
import { refuseBeyondLoopback } from './auth/development.js'
import { incomingOf } from './auth/incoming.js'
import type { JwtOptions, JwtSecretOptions } from './auth/jwt-sources.js'
import { type Ask, type Authorize, createAsk } from './auth/authorize.js'
import { type Mint, createMint } from './auth/mint.js'
import type { Principal } from './auth/principal.js'
import { checkRights } from './auth/rights.js'
import type { ReadSession } from './auth/session.js'
import { type Clock, systemClock } from './clock.js'
import { TidingsError } from './errors.js'
import { Admission } from './http/admission.js'
import { ClientAddresses } from './http/client-address.js'
import { type Handler, type RequestOrigin, createHandler } from './http/handler.js'
import { Origins } from './http/origins.js'
import type { Dashboard } from './http/routes/dashboard.js'
import { unlessRevoked } from './http/unless-revoked.js'
import { hubKey } from './hub-key.js'
import type { Counters, Gauges } from './hub/counters.js'
import { type Connections, connectionsOf } from './hub/connections.js'
import { Figures } from './hub/figures/figures.js'
import { observeStore } from './hub/figures/observed-store.js'
import { Statistics, type StatsQuery, copyOf } from './hub/figures/statistics.js'
import type { Stats } from './hub/figures/stats.js'
import { HubCore, type SubscribeOptions } from './hub/hub.js'
import type { HubLog } from './hub/log.js'
import { loadTracing } from './hub/tracing.js'
import { LimitsAcrossNodes } from './hub/limits/across-nodes.js'
import { type LimitStats, Limits } from './hub/limits/limits.js'
import { type GivenLimits, resolveLimits } from './hub/limits/settings.js'
import type { PublishInput, PublishOf, PublishResult } from './hub/publish.js'
import { type GivenSettings, resolveSettings } from './hub/settings.js'
import { uuidv7Ids } from './ids.js'
import type { JobStats } from './jobs/counters.js'
import { type JobsEngine, createJobs } from './jobs/jobs.js'
import { parseCursor } from './protocol/cursor.js'
import type { RevocationTarget } from './hub/revocation.js'
import type { EventOf, EventOfType, FilterOf, MaybeDeclared, TypeOf } from './protocol/declared-events.js'
import { defaults } from './protocol/defaults.js'
import type { TidingsEvent } from './protocol/event.js'
import { checkId, checkTopic, jobIdOf } from './protocol/topic.js'
import { type Random, systemRandom } from './random.js'
import { memoryStore } from './store/memory.js'
import type { Store } from './store/store.js'
import type { Jobs } from './work/jobs.js'

/** Options of {@link createHub}. At least one way to sign in must be given; they are tried in this order (A1). */
export interface HubOptions<Declared extends MaybeDeclared = undefined> extends GivenSettings {
  /** Who sent a request, by your own session: cookies, Auth.js, anything. Null: nobody it knows. */
  readonly authenticate?: ReadSession
  /**
   * Names of the cookies in which those sessions travel, such as `authjs.session-token*` (`*`: any end). Where one comes and
   * `authenticate` knows nobody, it is bad, and the answer is 401 and never an anonymous reader (A1). Name only cookies that
   * nobody has without being signed in. Default none; with `anonymous` it has to be said.
   */
  readonly sessionCookies?: readonly string[]
  /** `Authorization: Bearer` with an HS256 token (A2). */
  readonly jwt?: JwtOptions | readonly JwtOptions[]
  /**
   * Take tokens that live five minutes at most from `?token=` too, for native EventSource, which can send no header (A1).
   * Addresses end up in logs of proxies: see the guide. Default false.
   */
  readonly urlTokens?: boolean
  /** The user named in the query, while developing: refused in production and beyond loopback. Default false. */
  readonly development?: boolean
  /** Widens or narrows what somebody may do, action by action (A3). Default: what the grants say. */
  readonly authorize?: Authorize
  /**
   * Whether this reader may have this event, by what is in it (A3): asked for each event and reader, live, replayed and
   * polled, and, as type `snapshot`, for the state of a job. It answers at once, true or false: a promise, another answer, a
   * throw or more than a second hold back that event from that reader, and nothing else. The event cannot be changed. Default:
   * every event of the topics that it may read.
   */
  readonly filter?: (principal: Principal, event: TidingsEvent) => boolean
  /** Patterns of topics that anybody who is let in may read, besides what is theirs. Default none. */
  readonly publicTopics?: readonly string[]
  /** Lets in whoever carries no credential, to the default namespace, for `publicTopics` alone. Default false (A3). */
  readonly anonymous?: boolean
  /** Where events live. Default: memory, gone with the process. The hub opens and closes it. */
  readonly store?: Store
  /**
   * The types of events, from `defineEvents` (E2): `publish` and `subscribe` are typed by them, a publish that does not fit is
   * refused, and readers in this process get the schemas' output. Default: any type, any data.
   */
  readonly events?: Declared
  /**
   * Origins of pages on other hosts that may call the hub from a browser, credentials included, e.g.
   * `https://app.example.com`; `*` stands for all others, without credentials (H5). Default: none.
   */
  readonly allowedOrigins?: readonly string[]
  /**
   * Networks (`10.0.0.0/8`) of proxies in front of the hub, whose header `addressHeader` tells from where a request came;
   * `unix`: whoever comes by a Unix-domain socket. Default: none, and no header counts (A6).
   */
  readonly trustedProxies?: readonly string[]
  /** Default `X-Forwarded-For`; `Forwarded` is read as RFC 7239 has it. */
  readonly addressHeader?: string
  /** What one caller may take: connections, and requests by the second (A6). Parts that are left out keep their defaults; null: no limits. */
  readonly limits?: GivenLimits | null
  /**
   * Compress streams too, for readers that take gzip: 48 kB and a compressor for each, and text of others beside secrets in
   * one stream tells of both by its length. On Node alone; polls and other JSON over 1 KiB are always compressed. Default
   * false (H8).
   */
  readonly compress?: boolean
  /** The live view at `/dashboard`: `createDashboard()` of `tidings/dashboard` (O1). Default: none. */
  readonly dashboard?: Dashboard
  /**
   * Who may read `GET /metrics`: admins of the namespace `default`, or `open`: everybody who reaches the hub, for a scraper inside a
   * closed network. Metrics name nobody, but tell how much is going on. Default `admin` (O3).
   */
  readonly metrics?: 'admin' | 'open'
  /**
   * A pino logger, or anything of its shape: a line when a stream opens and one when it closes (`info`; polls and each event
   * stored at `debug`), and refusals, at most one of a code in ten seconds. No credential, cookie or payload is in them. Default:
   * none (O4).
   */
  readonly log?: HubLog
  readonly clock?: Clock
  readonly random?: Random
  /** Hears of failures that no caller does, with where they happened. Default: one line on stderr. */
  readonly onError?: (error: unknown, stage: string) => void
}

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

type AnySubscribe = SubscribeOptions & InNamespace

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
  /** Throws where a setting does not go with listening on this address. */
  checkListener(address: string | undefined): void
}

/** Opens the store and starts the hub. Rejects with `option_invalid` naming the option, `store_newer` or `store_locked`. */
export async function createHub<Declared extends MaybeDeclared = undefined>(
  options: HubOptions<Declared>,
): Promise<Hub<Declared>> {
  const { store: givenStore = memoryStore(), clock = systemClock, random = systemRandom } = options
  const {
    authenticate: session,
    sessionCookies,
    jwt,
    authorize,
    filter,
    publicTopics = [],
    anonymous = false,
    urlTokens = false,
    development = false,
    store: _store,
    events,
    allowedOrigins = [],
    trustedProxies,
    addressHeader,
    limits: givenLimits,
    compress = false,
    dashboard,
    metrics = 'admin',
    log,
    clock: _clock,
    random: _random,
    onError: _onError,
    ...given
  } = options
  const settings = resolveSettings(given)
  const origins = new Origins(allowedOrigins)
  const addresses = new ClientAddresses({ trustedProxies, addressHeader })
  const limitSettings = resolveLimits(givenLimits)
  if (typeof compress !== 'boolean')
    throw new TidingsError('option_invalid', 'Option "compress" must be true or false.', { field: 'compress' })
  if (dashboard !== undefined && typeof (dashboard as Partial<Dashboard> | null)?.answer !== 'function')
    throw new TidingsError('option_invalid', '"dashboard" must come from createDashboard.', { field: 'dashboard' })
  if (metrics !== 'admin' && metrics !== 'open')
    throw new TidingsError('option_invalid', 'Option "metrics" must be admin or open.', { field: 'metrics' })
  if (log !== undefined && typeof log?.info !== 'function')
    throw new TidingsError('option_invalid', 'Option "log" must be a logger such as pino.', { field: 'log' })
  if (events !== undefined && typeof (events as Partial<MaybeDeclared>)?.check !== 'function')
    throw new TidingsError('option_invalid', '"events" must come from defineEvents.', { field: 'events' })
  // Whether the listener is loopback shows when it is reached: see checkListener.
  checkRights({ filter, publicTopics, anonymous })
  const open = anonymous ? publicTopics : undefined
  const { longestTokenMs } = settings
  const signIn = {
    authenticate: session,
    sessionCookies,
    jwt,
    urlTokens,
    development,
    loopback: true,
    clock,
    anonymous: open,
    longestTokenMs,
  }
  createAuthenticate(signIn)
  const makeId = uuidv7Ids(clock, random)
  const ask: Ask = createAsk({ authorize, clock, onError: (error, stage) => core.onError(error, stage) })

  const figures = new Figures()
  const tracing = await loadTracing()
  const store = observeStore(givenStore, {
    figures,
    clock,
    log,
    tracing,
    afterWrites: (task) => core.endOfTick.add(task),
  })
  await store.open()
  const jobs = createJobs({
    store,
    clock,
    random,
    makeId,
    onError: (error) => core.onError(error, 'jobs'),
    sweepMs: settings.sweepMs,
    eventsPerSecond: settings.jobEventsPerSecond,
    events,
  })
  const core: HubCore = new HubCore({
    store,
    clock,
    random,
    makeId,
    settings,
    events,
    filter: filter && ((reader, event) => filter(reader as Principal, event)),
    snapshots: snapshotsOf(jobs),
    figures,
    log,
    tracing,
    onError: options.onError ?? writeError,
  })
  const signing = signingSource(jwt)
  const mintSecret = signing ? undefined : hubKey(store, random, clock)
  const ownKey = async () => ({ secret: await (mintSecret as () => Promise<string>)() })
  const authenticate = unlessRevoked(createAuthenticate({ ...signIn, mintSecret }), core)
  const mint = createMint({ jwt: signing ?? ownKey, clock, makeId })
  const across = store.others && new LimitsAcrossNodes({ nodes: core.control.nodes, presence: core.presence, clock })
  const limits = new Limits({
    settings: limitSettings,
    clock,
    random,
    ...(across && {
      elsewhere: across,
      changed: (kind, key, open) => across.changed(kind, key, open),
      opened: (client, principal) => across.opened(client, principal),
    }),
  })
  const admission = new Admission(limits, addresses, core.onError)
  const statistics = new Statistics({ core, jobs: () => ({ ...jobs.stats() }), limits: () => limits.stats })
  const openMetrics = metrics === 'open'
  const parts = { core, jobs, authenticate, mint, ask, publicTopics, origins, admission }
  const shared = { ...parts, statistics, openMetrics, dashboard }
  const handler = createHandler(shared)
  const maintenance = keepUp(store, clock, limits, core.onError)
  jobs.start()
  await core.control.start()
  across?.begin(limits)
  statistics.sampler.start()

  const jobsOf = (namespace: string): Jobs => jobs.face(checkId(namespace, 'namespace'), mint.forJob)

  return {
    async publish(
      event: PublishInput | readonly PublishInput[],
      { namespace = defaults.namespace }: InNamespace = {},
    ): Promise<never> {
      const isBatch = Array.isArray(event)
      const results = await core.publish(checkId(namespace, 'namespace'), isBatch ? event : [event], isBatch)
      return (isBatch ? results : results[0]) as never
    },
    subscribe: (topics: readonly string[], { namespace = defaults.namespace, ...rest }: AnySubscribe = {}): never =>
      core.subscribe(checkId(namespace, 'namespace'), topics, rest) as never,
    jobs: jobsOf(defaults.namespace),
    jobsOf,
    revoke: async (target, { namespace = defaults.namespace } = {}) =>
      await core.control.revoke(checkId(namespace, 'namespace'), target),
    connections: connectionsOf(core.control),
    eraseTopic: async (topic, { namespace = defaults.namespace } = {}) =>
      await core.control.erase(checkId(namespace, 'namespace'), checkTopic(topic)),
    authenticate: (request, { address, native } = {}) => authenticate(incomingOf(request, address, native)),
    fetch: handler.fetch,
    stats: () => ({ ...copyOf(core.counters), ...core.gauges, jobs: jobs.stats(), limits: limits.stats }),
    statistics: async ({ namespace = defaults.namespace, ...query } = {}) =>
      await statistics.read(checkId(namespace, 'namespace'), query),
    async close({ drainMs } = {}) {
      maintenance.stop()
      across?.close()
      statistics.sampler.stop()
      await core.close(drainMs)
      await jobs.close()
      await store.close()
      core.publisher.tellLate()
    },
    internals: {
      core,
      handler,
      mint,
      compresses: compress,
      checkListener: (address) => void (development && refuseBeyondLoopback(address)),
    },
  }
}

/** The secret that tokens of the hub's own are signed with, where one was given; else it makes one and keeps it. */
function signingSource(jwt: HubOptions['jwt']): JwtSecretOptions | undefined {
  const sources = jwt === undefined ? [] : Array.isArray(jwt) ? (jwt as readonly JwtOptions[]) : [jwt as JwtOptions]
  return sources.find((source): source is JwtSecretOptions => 'secret' in source)
}

/** The port of the hub that jobs fill. */
const snapshotsOf = (jobs: JobsEngine) => ({
  async snapshot(namespace: string, topic: string) {
    const id = jobIdOf(topic)
    const job = id === null ? null : await jobs.snapshot(namespace, id)
    const position = job?.cursor === undefined ? null : parseCursor(job.cursor)
    return job && position ? { job, position } : null
  },
})

const maintenanceMs = 60_000

function keepUp(
  store: Store,
  clock: Clock,
  limits: Limits,
  onError: (error: unknown, stage: string) => void,
): { stop(): void } {
  let timer = clock.setTimer(turn, maintenanceMs)
  let stopped = false
  function turn(): void {
    limits.forget()
    store
      .maintain()
      .catch((error: unknown) => onError(error, 'maintenance'))
      .finally(() => {
        if (!stopped) timer = clock.setTimer(turn, maintenanceMs)
      })
  }
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}

function writeError(error: unknown, stage: string): void {
  const text =
    error instanceof TidingsError
      ? error.toString()
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
  console.error(`tidings: ${stage}: ${text}`)
}

export type { Clock, Timer } from './clock.js'
export * from './declare.js'
export { type ErrorCode, TidingsError } from './errors.js'
export type { PublishInput, PublishOf, PublishResult } from './hub/publish.js'
export type { SubscribeOptions } from './hub/hub.js'
export type { RequestOrigin } from './http/handler.js'
export type { Dashboard } from './http/routes/dashboard.js'
export type { LimitStats } from './hub/limits/limits.js'
export type { GivenLimits, GivenRate } from './hub/limits/settings.js'
export type { Action, Authorize } from './auth/authorize.js'
export type { Connections } from './hub/connections.js'
export type { HubLog } from './hub/log.js'
export type { StatsQuery } from './hub/figures/statistics.js'
export type { Stats } from './hub/figures/stats.js'
export type { ConnectionState } from './hub/activity.js'
export type { ClosedPage, ConnectionPage } from './hub/control.js'
export type { ClosedReport, ConnectionFilter, ConnectionReport } from './hub/report.js'
export type { RevocationTarget } from './hub/revocation.js'
export type { JwtAlgorithm, JwtKeysOptions, JwtOptions, JwtSecretOptions } from './auth/jwt-sources.js'
export type { Principal } from './auth/principal.js'
export type { ReadSession, Session } from './auth/session.js'
export type { TidingsEvent, Metadata, Priority } from './protocol/event.js'
export type { Job, JobAnswer, JobCommand, JobError, JobStatus, JobUpdate, NewJob, RetryJob } from './protocol/job.js'
export type { Random } from './random.js'
export { memoryStore } from './store/memory.js'
export type * from './store/store.js'
export type { DeclaredHandle, DeclaredJobs } from './work/declared.js'
export type { Jobs, OpenedJob } from './work/jobs.js'
export type { JobHandle } from './work/handle.js'
export type { JobFunction, RunOptions } from './work/run.js'
export { JobFailure } from './work/failure.js'
