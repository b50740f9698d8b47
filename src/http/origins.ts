import type { Incoming } from '../auth/incoming.js'
import type { Principal } from '../auth/principal.js'
import { TidingsError } from '../errors.js'
import { headers } from '../protocol/names.js'
import type { Answer } from './answer.js'

type Headers = Readonly<Record<string, string>>

const preflightSeconds = '7200'
const requestHeaders = 'Authorization, Content-Type, Last-Event-ID, Cache-Control'
const exposed = `Retry-After, ${headers.connectionId}`
/** What a browser asks a person for once and then sends along to this host by itself, from any page. */
const sentByBrowser = /^(basic|digest|negotiate|ntlm)\b/i
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Which pages of other sites may call this hub from a browser (H5), and what a browser may do with the cookies of somebody
 * who visits another site (CSRF). Compared exactly: scheme, host and port; `null` is nobody.
 */
export class Origins {
  readonly #listed: ReadonlySet<string>
  readonly #anyone: boolean

  /** Throws `option_invalid` naming the entry that is neither an origin nor `*`. */
  constructor(allowed: readonly string[]) {
    if (!Array.isArray(allowed)) throw invalid('allowedOrigins', 'must be an array of origins')
    for (const [index, origin] of allowed.entries()) {
      if (origin !== '*' && !isOrigin(origin))
        throw invalid(`allowedOrigins[${index}]`, 'must be "*" or an origin such as "https://app.example.com"')
    }
    this.#listed = new Set(allowed)
    this.#anyone = this.#listed.has('*')
  }

  /** What an answer says to the browser. Credentials are for listed origins only; `*` is for everybody without them. Null: nothing. */
  headersFor(request: Incoming): Headers | null {
    if (this.#listed.size === 0) return null
    const origin = request.header('Origin')
    if (origin === null) return { Vary: 'Origin' }
    if (this.#listed.has(origin)) {
      return {
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': exposed,
        Vary: 'Origin',
      }
    }
    if (!this.#anyone) return { Vary: 'Origin' }
    return { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': exposed, Vary: 'Origin' }
  }

  /** The answer to a browser that asks before it calls; it says nothing to an origin that may not. */
  preflight(request: Incoming, methods: readonly string[]): Answer | null {
    if (request.method !== 'OPTIONS' || request.header('Access-Control-Request-Method') === null) return null
    const allowed = this.headersFor(request) ?? {}
    if (allowed['Access-Control-Allow-Origin'] === undefined) return { status: 204, headers: allowed, body: null }
    return {
      status: 204,
      headers: {
        ...allowed,
        'Access-Control-Allow-Methods': methods.join(', '),
        'Access-Control-Allow-Headers': requestHeaders,
        'Access-Control-Max-Age': preflightSeconds,
      },
      body: null,
    }
  }

  /**
   * Refuses, as `origin_forbidden`, what a page of another site sends with credentials that the browser adds by itself.
   * Tokens are not added, and programs that are no browsers send neither header.
   */
  check(request: Incoming, principal: Principal): void {
    if (principal.method === 'jwt' || !(principal.method === 'development' || isAddedByBrowser(request))) return
    const origin = request.header('Origin')
    const site = request.header('Sec-Fetch-Site')
    const isOfOthers = site === 'cross-site' || site === 'same-site'
    if (origin !== null) {
      // The same host by another scheme says so here, and nowhere else.
      const isOurs = this.#listed.has(origin) || (isOwn(origin, request.address) && !isOfOthers)
      if (!isOurs) throw forbidden(origin)
      return
    }
    // Reading without `Origin` is what an <img> does, whose page could not see the answer: it only takes places of the reader.
    if (isOfOthers && !isLink(request)) throw forbidden(site)
  }
}

const isAddedByBrowser = (request: Incoming): boolean =>
  request.header('Cookie') !== null || sentByBrowser.test(request.header('Authorization') ?? '')

/** A person followed it: a frame is opened by its page alone. */
const isLink = (request: Incoming): boolean =>
  safeMethods.has(request.method) &&
  request.header('Sec-Fetch-Mode') === 'navigate' &&
  (request.header('Sec-Fetch-Dest') ?? 'document') === 'document'

function isOrigin(text: unknown): boolean {
  // A URL may hold a "*" in its host; here it would look like a pattern, and match nothing.
  if (typeof text !== 'string' || text.includes('*')) return false
  try {
    const { origin, protocol } = new URL(text)
    return origin === text && (protocol === 'https:' || protocol === 'http:')
  } catch {
    return false
  }
}

/** The scheme is left out: a proxy that ends TLS passes on the host, and not what was before it. */
function isOwn(origin: string, address: URL): boolean {
  try {
    const { host, protocol } = new URL(origin)
    const own = new URL(`${protocol}//${address.host}`)
    return (protocol === 'https:' || protocol === 'http:') && host === own.host
  } catch {
    return false
  }
}

const forbidden = (origin: string): TidingsError =>
  new TidingsError(
    'origin_forbidden',
    `A page of another origin (${origin.slice(0, 200)}) may not do this with the cookies of a reader. List it in "allowedOrigins" if it is yours.`,
    { field: 'Origin' },
  )

const invalid = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
