import type { JwtOptions } from '../auth/jwt-sources.js'
import { type Authorize } from '../auth/authorize.js'
import type { Principal } from '../auth/principal.js'
import type { ReadSession } from '../auth/session.js'
import { type Clock } from '../clock.js'
import type { Dashboard } from '../http/routes/dashboard.js'
import type { HubLog } from '../hub/log.js'
import { type GivenLimits } from '../hub/limits/settings.js'
import { type GivenSettings } from '../hub/settings.js'
import type { MaybeDeclared } from '../protocol/declared-events.js'
import type { TidingsEvent } from '../protocol/event.js'
import { type Random } from '../random.js'
import type { Store } from '../store/store.js'

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
  /**
   * Whose Bearer tokens are taken: those signed with a shared secret (HS256), or with the keys that an identity provider
   * publishes; one source or several (A2). Default: none but those that the hub itself makes.
   */
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
  /** Time, for tests that move it. Default: the platform's. */
  readonly clock?: Clock
  /** Randomness, for runs that are to be the same again: `bytes` makes keys and ids. Default: the platform's. */
  readonly random?: Random
  /** Hears of failures that no caller does, with where they happened. Default: one line on stderr. */
  readonly onError?: (error: unknown, stage: string) => void
}
