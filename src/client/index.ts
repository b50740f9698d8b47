import { type Clock, lightClock } from '../clock.js'
import type { FilterOf, MaybeDeclared } from '../protocol/declared-events.js'
import type { Job } from '../protocol/job.js'
import { type Random, systemRandom } from '../random.js'
import type { HandlerOf, HandlersOf } from './declared.js'
import { backoffMs } from './backoff.js'
import type { ConnectionParts } from './connection.js'
import type { Diagnostics, Observer } from './diagnostics.js'
import { browserEnvironment, type Environment } from './environment.js'
import { ClientError } from './error.js'
import type { JobPort } from './jobs.js'
import type { Access, TokenAnswer } from './sse.js'
import type { SetupOptions } from './setup.js'
import type { Input, TransportChoice } from './state.js'
import { alike, type ClientStatus, createListeners, initialStatus, type Readable } from './status.js'
import { type Handlers, type SubscribeOptions, createTopics } from './topics.js'
import { lazyView } from './view.js'

export interface ClientOptions<Declared extends MaybeDeclared = undefined> extends SetupOptions {
  /** Where the hub is mounted: `/tidings`, `https://hub.example`. Relative addresses need a page. */
  readonly url: string
  /**
   * Gives the Bearer token of the moment, or null for none (cookies go along anyway). Asked before each connection; with
   * `refresh: true` after a 401, once, and then the token must be a new one. Where it throws, the client tries again.
   */
  readonly getToken?: (options: { refresh: boolean }) => TokenAnswer
  /** Whether cookies go to another origin. Default `same-origin`. */
  readonly credentials?: RequestCredentials
  /**
   * `sse` or `poll` alone; default `auto`: a stream, and polls while something between here and the hub breaks streams
   * (spec C4). The same events come either way.
   */
  readonly transport?: TransportChoice
  /** What the hub's lists of connections call this client. */
  readonly name?: string
  /** Start after this cursor, as an earlier client's `status` gave it. Default: from now. */
  readonly cursor?: string
  /** Failures in a row after which the client stops until `connect()`. Default: it never gives up. */
  readonly maxAttempts?: number
  /**
   * The types of events, from `defineEvents` (E2): handlers are typed by them and get the schemas' output. An event that does
   * not fit reaches no handler and is reported to `onError`, once. Default: any type, any data.
   */
  readonly events?: Declared
  /** `createDiagnostics()` of `tidings/client/diagnostics`: remembers what this client does. */
  readonly diagnostics?: Diagnostics
  readonly fetch?: typeof globalThis.fetch
  readonly environment?: Environment
  readonly clock?: Clock
  readonly random?: Random
}

export interface Client<Declared extends MaybeDeclared = undefined> {
  /**
   * Hears the events of `topic` from now on, or from where the client stands if it resumes. The connection opens with the
   * first subscription and carries all of them. Returns the undo. Throws `topic_invalid`.
   */
  subscribe(topic: string, handlers: HandlersOf<Declared>, options?: SubscribeOptions): () => void
  /**
   * Hears events of a type (`'*'`: all) that are addressed to the person: on the topics that the hub gives to whoever is
   * signed in (`user:`, `session:`, `role:`, `jobs:`, `all`), and on subscribed topics of these kinds; each event once.
   */
  on<Type extends FilterOf<Declared> | '*'>(type: Type, handler: HandlerOf<Declared, Type>): () => void
  /**
   * The state of a job, live while it is subscribed to; null until it is known. The same object for the same arguments.
   * `token`: as it came with the job, for whoever may not read it otherwise.
   */
  job(id: string, options?: { readonly token?: string | undefined }): JobView
  /** The jobs of whoever is signed in, newest first (at most 1,000), live while subscribed to; null until they are known. */
  jobs(): Readable<readonly Job[] | null>
  /** Connects after `disconnect()` or after a refusal that stopped the client. Without subscriptions nothing is opened. */
  connect(): void
  /** Closes the connection and stays away; subscriptions and the cursor are kept. */
  disconnect(): void
  /** Closes the connection and opens a new one at once, or as soon as the hub allows. */
  reconnect(): void
  /** Uses this transport from now on; `auto` begins with a stream again. */
  forceTransport(transport: TransportChoice): void
  /** Ends the client for good. */
  close(): void
  readonly status: Readable<ClientStatus>
  /** Hears every error, by `kind`. Returns the undo. Without a listener, what handlers throw goes to the console. */
  onError(listener: (error: ClientError) => void): () => void
}

/** A job as it stands: null until it is known. Its updates come only while somebody is subscribed. */
export type JobView = Readable<Job | null>

/** Beyond this many views the oldest are made anew when they are asked for again. */
const rememberedViews = 200

/** Tabs share a connection where it is known who is signed in: said so, or to be read from a token. */
const needsSetup = ({ resume = 'none', debug, identity, getToken }: SetupOptions & Pick<Access, 'getToken'>): unknown =>
  resume !== 'none' || debug || identity || (identity === undefined && getToken && globalThis.document)

/** Makes a client (spec §7). Nothing is opened before the first subscription. */
export function createClient<Declared extends MaybeDeclared = undefined>(
  options: ClientOptions<Declared>,
): Client<Declared> {
  const { url, getToken, credentials = 'same-origin', cursor = '', maxAttempts, transport, name } = options
  const { clock = lightClock, random = systemRandom, environment = browserEnvironment } = options
  // Looked up at each call: pages replace `fetch`, and browsers refuse to call it as a method of something else.
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const access: Access = {
    url: url.replace(/\/+$/, ''),
    fetch,
    getToken,
    credentials,
    clock,
    client: random.bytes(16).join('-'),
    name,
  }

  const errorListeners = createListeners<ClientError>((cause) => console.error(cause))
  const report = (error: ClientError): void => {
    if (errorListeners.size() === 0 && error.kind === 'client') console.error(error)
    errorListeners.call(error)
  }
  const failed = (cause: unknown): void => report(new ClientError('client', `A handler threw: ${cause}`, { cause }))

  const observer: Observer = { ...options.diagnostics }
  const statusListeners = createListeners<void>(failed)
  let status: ClientStatus = { ...initialStatus, cursor: cursor || null }
  const show = (next: ClientStatus): void => {
    if (alike(next, status)) return
    status = next
    statusListeners.call()
  }
  const topics = createTopics(report, (want) => send({ type: 'want', want }), observer)
  const parts: ConnectionParts = {
    access,
    random,
    topics,
    report,
    observer,
    cursor,
    maxAttempts,
    transport,
    show,
  }
  const early: Input[] = []
  let loading = false
  /** What makes the connection loads with the first thing that it has to do. */
  const load = async (attempt: number): Promise<void> => {
    let run: (input: Input) => void
    try {
      run = await (needsSetup({ ...options, getToken })
        ? (await import('./setup.js')).setUp({ options, parts, getToken, status: () => status, observer })
        : (await import('./connection.js')).connect(parts))
    } catch (cause) {
      const error = new ClientError('connection', 'The code of the connection could not be loaded.', { cause })
      show({ ...status, status: 'waiting', error })
      report(error)
      clock.setTimer(() => void load(attempt + 1), backoffMs(attempt, 0, random.fraction()))
      return
    }
    send = run
    early.forEach(run)
  }
  let send = (input: Input): void => {
    early.push(input)
    if (loading) return
    loading = true
    void load(0)
  }
  const undos = [environment.watch((type) => loading && send({ type }))]
  const port: JobPort = {
    topics,
    access,
    random,
    failed,
    connected: () => status.connectionId !== null,
    sibling(own) {
      const sibling = createClient({
        ...(options as ClientOptions),
        getToken: own,
        credentials: 'omit',
        identity: null,
        resume: 'none',
      })
      undos.push(sibling.close)
      return sibling
    },
  }
  // The check comes with what was declared, so that a page without pays nothing for it.
  const add = (topic: string | null, handlers: object, parts?: SubscribeOptions): (() => void) =>
    topics.add(topic, (options.events?.handlers(handlers) ?? handlers) as Handlers, parts)
  const views = new Map<string, Readable<unknown>>()
  const view = <Value>(key: string, load: () => Promise<Readable<Value | null>>): Readable<Value | null> => {
    const known = (views.get(key) as Readable<Value | null> | undefined) ?? lazyView(load, failed)
    views.set(key, known)
    if (views.size > rememberedViews) views.delete(views.keys().next().value as string)
    return known
  }

  return {
    subscribe: (topic, handlers, parts) => add(topic, handlers, parts),
    on: (type, handler) => add(null, { [type]: handler }),
    job: (id, { token } = {}) =>
      view(`${id} ${token}`, async () => (await import('./jobs.js')).jobView(id, token, port)),
    jobs: () => view('', async () => (await import('./jobs.js')).jobsView(port)),
    connect: () => send({ type: 'connect' }),
    disconnect: () => send({ type: 'disconnect' }),
    reconnect: () => send({ type: 'reconnect' }),
    forceTransport: (choice) => send({ type: 'transport', choice }),
    close: () => {
      for (const undo of undos) undo()
      send({ type: 'close' })
    },
    status: { subscribe: (listener) => statusListeners.add(listener), getSnapshot: () => status },
    onError: (listener) => errorListeners.add(listener),
  }
}

export type { HandlerOf, HandlersOf } from './declared.js'
export type { Environment, EnvironmentNews } from './environment.js'
export { ClientError, type ErrorKind } from './error.js'
export type { CursorStorage } from './setup.js'
export { tokenFrom, type TokenFromOptions } from './token.js'
export type { TokenAnswer } from './sse.js'
export type { ConnectionStatus, Transport, TransportChoice } from './state.js'
export type { ClientStatus, Readable } from './status.js'
export type { Handler, Handlers, SubscribeOptions } from './topics.js'
