import { type Clock, systemClock } from '../clock.js'
import { type Random, systemRandom } from '../random.js'
import { runMachine } from './engine.js'
import { browserEnvironment, type Environment } from './environment.js'
import { ClientError } from './error.js'
import { type JobView, jobViews } from './job.js'
import { initialState } from './machine.js'
import { type Access, type TokenAnswer } from './sse.js'
import { alike, type ClientStatus, createListeners, describe, type Readable } from './status.js'
import { type Handler, type Handlers, type SubscribeOptions, createTopics } from './topics.js'

export interface ClientOptions {
  /** Where the hub is mounted: `/tidings`, `https://hub.example`. Relative addresses need a page. */
  readonly url: string
  /**
   * Gives the Bearer token of the moment, or null for none (cookies go along anyway). Asked before each connection; with
   * `refresh: true` after a 401, once, and then the token must be a new one. Where it throws, the client tries again.
   */
  readonly getToken?: (options: { refresh: boolean }) => TokenAnswer
  /** Whether cookies go to another origin. Default `same-origin`. */
  readonly credentials?: RequestCredentials
  /** Start after this cursor, as an earlier client's `status` gave it. Default: from now. */
  readonly cursor?: string
  /** Failures in a row after which the client stops until `connect()`. Default: it never gives up. */
  readonly maxAttempts?: number
  readonly fetch?: typeof globalThis.fetch
  readonly environment?: Environment
  readonly clock?: Clock
  readonly random?: Random
}

export interface Client {
  /**
   * Hears the events of `topic` from now on, or from where the client stands if it resumes. The connection opens with the
   * first subscription and carries all of them. Returns the undo. Throws `topic_invalid`.
   */
  subscribe(topic: string, handlers: Handlers, options?: SubscribeOptions): () => void
  /**
   * Hears events of a type (`'*'`: all) that are addressed to the person: on the topics that the hub gives to whoever is
   * signed in (`user:`, `session:`, `role:`, `jobs:`, `all`), and on subscribed topics of these kinds; each event once.
   */
  on(type: string, handler: Handler): () => void
  /** The state of a job, live while it is subscribed to. The same object for the same id. Throws `topic_invalid`. */
  job(id: string): JobView
  /** Connects after `disconnect()` or after a refusal that stopped the client. Without subscriptions nothing is opened. */
  connect(): void
  /** Closes the connection and stays away; subscriptions and the cursor are kept. */
  disconnect(): void
  /** Closes the connection and opens a new one at once, or as soon as the hub allows. */
  reconnect(): void
  /** Ends the client for good. */
  close(): void
  readonly status: Readable<ClientStatus>
  /** Hears every error, by `kind`. Returns the undo. Without a listener, what handlers throw goes to the console. */
  onError(listener: (error: ClientError) => void): () => void
}

/** Makes a client (spec §7). Nothing is opened before the first subscription. */
export function createClient(options: ClientOptions): Client {
  const { url, getToken, credentials = 'same-origin', cursor, maxAttempts } = options
  const { clock = systemClock, random = systemRandom, environment = browserEnvironment } = options
  // Looked up at each call: pages replace `fetch`, and browsers refuse to call it as a method of something else.
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const access: Access = { url: url.replace(/\/+$/, ''), fetch, getToken, credentials, now: clock.now }

  const errorListeners = createListeners<ClientError>((cause) => console.error(cause))
  const report = (error: ClientError): void => {
    if (errorListeners.size() === 0 && error.kind === 'client') console.error(error)
    errorListeners.call(error)
  }
  const failed = (cause: unknown): void => report(new ClientError('client', `A handler threw: ${cause}`, { cause }))

  const state = initialState(cursor, maxAttempts)
  const statusListeners = createListeners<void>(failed)
  let status = describe(state)
  const topics = createTopics(report, (want) => send({ type: 'want', want }))
  const send = runMachine({
    state,
    access,
    clock,
    random,
    client: random.bytes(16).join('-'),
    topics,
    report,
    changed: (next) => {
      const described = describe(next)
      if (alike(described, status)) return
      status = described
      statusListeners.call()
    },
  })
  const unwatch = environment.watch((type) => send({ type }))

  return {
    subscribe: (topic, handlers, parts) => topics.add(topic, handlers, parts),
    on: (type, handler) => topics.add(null, { [type]: handler }),
    job: jobViews({ topics, access, clock, random, failed }),
    connect: () => send({ type: 'connect' }),
    disconnect: () => send({ type: 'disconnect' }),
    reconnect: () => send({ type: 'reconnect' }),
    close: () => {
      unwatch()
      send({ type: 'close' })
    },
    status: { subscribe: (listener) => statusListeners.add(listener), getSnapshot: () => status },
    onError: (listener) => errorListeners.add(listener),
  }
}

export type { Environment, EnvironmentNews } from './environment.js'
export { ClientError, type ErrorKind } from './error.js'
export type { JobView } from './job.js'
export type { TokenAnswer } from './sse.js'
export type { ConnectionStatus } from './state.js'
export type { ClientStatus, Readable } from './status.js'
export type { Handler, Handlers, SubscribeOptions } from './topics.js'
