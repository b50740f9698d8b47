import { createAuthenticate } from '../auth/authenticate.js'
import { refuseBeyondLoopback } from '../auth/development.js'
import { incomingOf } from '../auth/incoming.js'
import type { JwtOptions, JwtSecretOptions } from '../auth/jwt-sources.js'
import { type Ask, createAsk } from '../auth/authorize.js'
import { createMint } from '../auth/mint.js'
import type { Principal } from '../auth/principal.js'
import { checkRights } from '../auth/rights.js'
import { systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { Admission } from '../http/admission.js'
import { ClientAddresses } from '../http/client-address.js'
import { createHandler } from '../http/handler.js'
import { Origins } from '../http/origins.js'
import type { Dashboard } from '../http/routes/dashboard.js'
import { unlessRevoked } from '../http/unless-revoked.js'
import { connectionsOf } from '../hub/connections.js'
import { Figures } from '../hub/figures/figures.js'
import { observeStore } from '../hub/figures/observed-store.js'
import { countedClock } from '../hub/figures/counted-clock.js'
import { Statistics, copyOf } from '../hub/figures/statistics.js'
import { HubCore } from '../hub/hub.js'
import type { SubscribeOptions } from '../hub/subscribe.js'
import { loadTracing } from '../hub/tracing.js'
import { LimitsAcrossNodes } from '../hub/limits/across-nodes.js'
import { Limits } from '../hub/limits/limits.js'
import { resolveLimits } from '../hub/limits/settings.js'
import type { PublishInput } from '../hub/publish.js'
import { resolveSettings } from '../hub/settings.js'
import { uuidv7Ids } from '../ids.js'
import { type JobsEngine, createJobs } from '../jobs/jobs.js'
import { parseCursor } from '../protocol/cursor.js'
import type { MaybeDeclared } from '../protocol/declared-events.js'
import { defaults } from '../protocol/defaults.js'
import { checkId, checkTopic, jobIdOf } from '../protocol/topic.js'
import { systemRandom } from '../random.js'
import { drawnAhead } from './drawn-ahead.js'
import { memoryStore } from '../store/memory.js'
import type { Jobs } from '../work/jobs.js'
import type { Hub, InNamespace } from './hub.js'
import { hubKey } from './hub-key.js'
import { keepUp } from './maintenance.js'
import type { HubOptions } from './options.js'

type AnySubscribe = SubscribeOptions & InNamespace

/** Opens the store and starts the hub. Rejects with `option_invalid` naming the option, `store_newer` or `store_locked`. */
export async function createHub<Declared extends MaybeDeclared = undefined>(
  options: HubOptions<Declared>,
): Promise<Hub<Declared>> {
  const {
    store: givenStore = memoryStore(),
    clock: givenClock = systemClock,
    random = drawnAhead(systemRandom),
  } = options
  const clock = countedClock(givenClock)
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
  const store = observeStore(givenStore, { figures, clock, log, tracing })
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
  const { authenticate, stillGood } = unlessRevoked(createAuthenticate({ ...signIn, mintSecret }), core)
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
  const statistics = new Statistics({
    core,
    jobs: () => ({ ...jobs.stats() }),
    limits: () => limits.stats,
    clockTimers: () => clock.timers,
  })
  const openMetrics = metrics === 'open'
  const parts = { core, jobs, authenticate, stillGood, mint, ask, publicTopics, origins, admission }
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
      handler.close()
    },
    internals: {
      core,
      handler,
      mint,
      compresses: compress,
      checkListener: development ? refuseBeyondLoopback : null,
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

function writeError(error: unknown, stage: string): void {
  const text =
    error instanceof TidingsError
      ? error.toString()
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
  console.error(`tidings: ${stage}: ${text}`)
}
