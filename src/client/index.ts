import { type Clock, lightClock } from '../clock.js'
import type { FilterOf, MaybeDeclared } from '../protocol/declared-events.js'
import type { Job } from '../protocol/job.js'
import { type Random, systemRandom } from '../random.js'
import type { HandlerOf, HandlersOf } from './declared.js'
import type { Diagnostics, Observer } from './diagnostics.js'
import { connect } from './engine.js'
import { browserEnvironment, type Environment } from './environment.js'
import { ClientError } from './error.js'
import type { HistoryPort } from './history.js'
import type { JobPort } from './jobs.js'
import { createListeners } from './listeners.js'
import { initialState } from './machine.js'
import { forgetOldest } from './newest.js'
import type { TokenAnswer } from './sse.js'
import type { SetupOptions, SetupParts } from './setup.js'
import type { Input, TransportChoice } from './state.js'
import { alike, type ClientStatus, describe, type Readable } from './status.js'
import { createTopics, type Handlers, type SubscribeOptions } from './topics.js'
import { lazily, lazyView } from './lazily.js'

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
  /** In place of the platform's: for headers of your own, or in tests. */
  readonly fetch?: typeof globalThis.fetch
  /** What tells of the network and of the page. Default: the browser's events; in Node there are none. */
  readonly environment?: Environment
  /** Default: the platform's, as is `random`. */
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
  jobs(): JobsView
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
export interface JobView extends Readable<Job | null> {
  /** Calls `listener` with the job as it is after each change; returns its undo. */
  subscribe(listener: (job: Job) => void): () => void
}

/** The same of a person's jobs. */
export interface JobsView extends Readable<readonly Job[] | null> {
  /** Calls `listener` with all of them after each change; returns its undo. */
  subscribe(listener: (jobs: readonly Job[]) => void): () => void
}

/** Makes a client (spec §7). Nothing is opened before the first subscription. */
export function createClient<Declared extends MaybeDeclared = undefined>(
  options: ClientOptions<Declared>,
): Client<Declared> {
  const { clock = lightClock, random = systemRandom, environment = browserEnvironment } = options
  const { resume = 'none', debug, identity, getToken } = options
  const complain = (error: ClientError): void => console.error(error)
  const errorListeners = createListeners<ClientError>(complain)
  const report = (error: ClientError): void => {
    if (errorListeners.size() === 0 && error.kind === 'client') complain(error)
    errorListeners.call(error)
  }
  const statusListeners = createListeners<void>(report)
  let snapshot = describe(initialState(options))
  const status: Readable<ClientStatus> = { subscribe: statusListeners.add, getSnapshot: () => snapshot }
  const show = (next: ClientStatus): void => {
    if (alike(next, snapshot)) return
    snapshot = next
    statusListeners.call()
  }
  const observer: Observer = { ...options.diagnostics }
  const topics = createTopics(
    report,
    (want) => send({ type: 'want', want }),
    observer,
    (...asked) =>
      lazily(
        () => import('./history.js'),
        ({ readHistory }) => readHistory(parts)(...asked),
        report,
      ),
  )
  const parts: SetupParts & HistoryPort & Pick<JobPort, 'createClient'> = {
    ...options,
    url: options.url.replace(/\/+$/, ''),
    client: random.bytes(16).join('-'),
    clock,
    random,
    topics,
    report,
    observer,
    show,
    status,
    createClient,
  }
  /** Finds out first what a connection needs to know, with code that loads with the first thing that it has to do. */
  const begin = (first: Input): void => {
    const ready = import('./setup.js')
      .then(({ setUp }) => setUp(parts))
      .catch((cause) => {
        report(new ClientError('connection', `${cause}`, { cause }))
        return connect(parts)
      })
      .then((run) => (send = run))
    // What comes until then waits, and keeps its order.
    send = (input) => void ready.then((run) => run(input))
    send(first)
  }
  /** Tabs share a connection where it is known who is signed in: said so, or to be read from a token. */
  const mayShare = identity === undefined ? getToken && globalThis.document : identity
  let send = resume !== 'none' || debug || mayShare ? begin : connect(parts)
  const stop = environment.watch((type) => send !== begin && send({ type }))

  // The check comes with what was declared, so that a page without pays nothing for it.
  const add = (topic: string | null, handlers: object, parts?: SubscribeOptions): (() => void) =>
    topics.add(topic, (options.events?.handlers(handlers) ?? handlers) as Handlers, parts)
  /** The oldest are made anew when they are asked for again. */
  const views = new Map<string, Readable<unknown>>()
  const view = <Value>(...asked: [id?: string, token?: string]): Readable<Value | null> => {
    const key = `${asked}`
    const known =
      views.get(key) ?? lazyView(async () => (await import('./jobs.js')).view(parts as JobPort, ...asked), report)
    views.set(key, known)
    forgetOldest(views)
    return known as Readable<Value | null>
  }

  return {
    subscribe: add,
    on: (type, handler) => add(null, { [type]: handler }),
    // The view, once it is loaded, calls listeners with what it has.
    job: (id, { token } = {}) => view(id, token) as JobView,
    jobs: () => view() as JobsView,
    connect: () => send({ type: 'connect' }),
    disconnect: () => send({ type: 'disconnect' }),
    reconnect: () => send({ type: 'reconnect' }),
    forceTransport: (choice) => send({ type: 'transport', choice }),
    close: () => {
      stop()
      send({ type: 'close' })
    },
    status,
    onError: errorListeners.add,
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
