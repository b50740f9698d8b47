/** Under the 60 s after which nginx and most load balancers cut an idle connection. */
export const heartbeatMs = 25_000
/** The client's watchdog: this many heartbeats without a byte. */
export const watchdogHeartbeats = 2.5
/** The client's backoff: full jitter between 0 and a bound that doubles from `from` to `to`. */
export const backoffFromMs = 1_000
export const backoffToMs = 30_000

/**
 * Every default of the product, once, with its unit and its reason (spec §12). Those above are names of their own because a
 * bundler can leave out a constant, but not a member: the client would carry the whole table.
 */
export const defaults = {
  /** The version of the wire, told in `hello` and in polls. */
  protocolVersion: 1,
  namespace: 'default',
  /** More topics than this in one stream belong in one topic. */
  topicsPerStream: 100,
  topicsPerEvent: 100,
  /** `data` of one event as JSON bytes. */
  dataBytes: 64 * 1024,
  /** A request body, also of a batch. */
  bodyBytes: 1024 * 1024,
  eventsPerBatch: 1_000,
  /** Topics of all events of one publish together: a store keeps each event under each, in one step that nothing passes. */
  entriesPerBatch: 5_000,
  /** Native EventSource has no jitter of its own, so each connection is told another `retry:`. */
  retryMs: { from: 2_000, to: 6_000 },
  heartbeatMs,
  watchdogHeartbeats,
  /** A stream is renewed after this long, times a random 0.8–1, so that rights and load balance follow. */
  maxAgeMs: 3_600_000,
  /** On shutdown. */
  drainMs: 10_000,
  /** On shutdown readers are told to come back at a random moment within this window. */
  returnWindowMs: 10_000,
  /** Unsent bytes above which a connection stops taking live events and becomes a position (D6). */
  unsentBytes: 64 * 1024,
  /** A connection that takes no byte for this long while bytes wait is closed. */
  slowConsumerMs: 30_000,
  /** Newest announcements of a namespace kept in memory for readers that are a little behind. */
  ringBytes: 4 * 1024 * 1024,
  /** One read of a reader that catches up. */
  pageBytes: 256 * 1024,
  pageEvents: 1_000,
  pollLimit: 1_000,
  pollWaitMs: 30_000,
  retention: {
    events: 1_000,
    bytes: 4 * 1024 * 1024,
    ageMs: 24 * 3_600_000,
    /** For `user:` and `jobs:` topics: people come back after a weekend. */
    personalAgeMs: 7 * 24 * 3_600_000,
  },
  /** Bytes kept per namespace before publishes are refused (S4). */
  quotaBytes: 1024 ** 3,
  /** What waits while the store is away (S5), and after how long a publisher over HTTP is told that it does. */
  publishQueue: { events: 10_000, bytes: 16 * 1024 * 1024, answerMs: 2_000 },
  /** A node without its store for this long is not ready (S5). */
  notReadyAfterMs: 10_000,
  /** A feed that was silent for this long is probed; one that does not answer until the next time is not trusted. */
  probeMs: 5_000,
  /** Revocations are kept for as long as a token may live, so there is an end to both. */
  longestTokenMs: 30 * 24 * 3_600_000,
  /** How long a repeated id is recognised (D3). */
  idWindow: { ageMs: 300_000, ids: 1_000_000 },
  jobLeaseMs: 30_000,
  jobStartWithinMs: 24 * 3_600_000,
  jobKeepMs: 24 * 3_600_000,
  /** Most progress events a second of one job (J5): what a person can still see move. */
  jobEventsPerSecond: 10,
  /** `current` of a job as JSON bytes. */
  jobCurrentBytes: 4 * 1024,
  /**
   * What one caller may take of a hub (A6); null: no limit. Rates are so many a second, and so many at once. A restart brings
   * everybody back within seconds, so an address may open as many streams at once as it may hold. Publishers and workers were
   * granted what they do: their rates only stop what runs wild. By namespace there is none: most hubs have one.
   */
  limits: {
    connections: { anonymousAddress: 20, address: 1_000, session: 6, user: 100, namespace: null, total: 20_000 },
    connects: {
      address: { perSecond: 100, burst: 1_000 },
      // A page that scrolls through a list opens its stream anew with each change of topics.
      session: { perSecond: 20, burst: 100 },
      user: { perSecond: 50, burst: 300 },
      namespace: null,
    },
    polls: {
      address: { perSecond: 500, burst: 3_000 },
      session: { perSecond: 50, burst: 250 },
      user: { perSecond: 100, burst: 500 },
      namespace: null,
    },
    publishes: {
      address: { perSecond: 5_000, burst: 10_000 },
      session: { perSecond: 500, burst: 1_000 },
      user: { perSecond: 5_000, burst: 10_000 },
      namespace: null,
    },
    tokens: {
      address: { perSecond: 50, burst: 1_000 },
      session: { perSecond: 1, burst: 20 },
      user: { perSecond: 2, burst: 60 },
      namespace: null,
    },
    jobCommands: {
      address: { perSecond: 5_000, burst: 10_000 },
      session: { perSecond: 500, burst: 1_000 },
      user: { perSecond: 5_000, burst: 10_000 },
      namespace: null,
    },
  },
  backoffMs: { from: backoffFromMs, to: backoffToMs },
} as const
