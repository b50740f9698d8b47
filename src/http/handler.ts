import { type Incoming, incomingOf } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'
import type { Outlet } from '../hub/outlet.js'
import { Access } from './access.js'
import { type Answer, toResponse } from './answer.js'
import { BodyOutlet } from './body-outlet.js'
import type { Carrier } from './carrier.js'
import type { HttpParts } from './parts.js'
import { problemAnswer, shownField } from './problem.js'
import { type Endpoint, type Methods, findRoute, plainRoute } from './route-table.js'
import { RefusalLog } from './refusal-log.js'
import { requestIdOf } from './request-id.js'
import { softened } from './soften.js'

/** What a runtime knows of a request that is not part of it. */
export interface RequestOrigin {
  /** The address of the other end of the connection, for the limits of addresses. Unknown: they do not count this request. */
  readonly address?: string | null
  /** What `authenticate` gets as its second argument. */
  readonly native?: unknown
}

export interface Handler {
  /** Answers any request. A stream comes as the body of the response. */
  fetch(request: Request, from?: RequestOrigin): Promise<Response>
  /** The same for a runtime that carries streams itself: null means that `carrier` took the request. */
  handle(request: Incoming, carrier: Carrier): Promise<Answer | null>
  /** Writes what the log has not been told yet. */
  close(): void
}

/** Against browsers that guess types, tell addresses on, or put an answer into a page of another site. */
const everyAnswer: Headers = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

type Headers = Answer['headers']

/** To join headers takes a microsecond, and nearly all answers have one of a few sets of their own. */
const joined = new WeakMap<Headers, Headers>()

function withEvery(own: Headers): Headers {
  let all = joined.get(own)
  if (!all) {
    all = { ...everyAnswer, ...own }
    joined.set(own, all)
  }
  return all
}

type Refuse = (request: Incoming, error: unknown) => Answer

/** One request: whatever answers it, at once or later, gets the headers that all answers have. An object, and no closures: thousands are held. */
class Passage implements Carrier {
  readonly #request: Incoming
  readonly #carrier: Carrier
  readonly #ofOrigin: Headers | null
  readonly #refuse: Refuse

  constructor(request: Incoming, carrier: Carrier, ofOrigin: Headers | null, refuse: Refuse) {
    this.#request = request
    this.#carrier = carrier
    this.#ofOrigin = ofOrigin
    this.#refuse = refuse
  }

  stream(own: Headers): Outlet {
    // Of each stream, so not to be remembered: ten thousand keys of a weak map are dear to the collector.
    return this.#carrier.stream({ ...everyAnswer, ...this.#ofOrigin, ...own })
  }

  answer(make: () => Answer): void {
    this.#carrier.answer(() => this.complete(this.#madeOrRefused(make)))
  }

  complete(answer: Answer): Answer {
    const own = answer.headers
    return { ...answer, headers: withEvery(this.#ofOrigin === null ? own : { ...this.#ofOrigin, ...own }) }
  }

  #madeOrRefused(make: () => Answer): Answer {
    try {
      return make()
    } catch (error) {
      return this.#refuse(this.#request, error)
    }
  }
}

/** What is shown of a path that was refused. */
const longestPath = 100

/** Request → Response for every route of the hub (spec §4). Nothing a stranger sends makes it throw. */
export function createHandler(given: HttpParts): Handler {
  const { origins, admission } = given
  const { figures } = given.core
  const parts: HttpParts = {
    ...given,
    async authenticate(request, kind = 'polls') {
      admission.byAddress(request, kind)
      const principal = await given.authenticate(request)
      origins.check(request, principal)
      admission.byPrincipal(principal, kind)
      return principal
    },
  }
  const refusals = new RefusalLog(given.core.log, given.core.clock)
  const access = new Access(parts.jobs, parts.ask, parts.publicTopics)

  const handle: Handler['handle'] = async (request, carrier) => {
    const passage = new Passage(request, carrier, origins.headersFor(request), refuse)
    try {
      const answer = await answerTo(request, passage)
      return answer && passage.complete(answer)
    } catch (error) {
      return passage.complete(refuse(request, error))
    }
  }

  const refuse: Refuse = (request, thrown) => {
    const { core } = parts
    const error = comeAgain(thrown)
    const refusal = error instanceof TidingsError ? error : new TidingsError('internal', 'See the failure beside it.')
    const requestId = requestIdOf(request, core.random)
    figures.refused(refusal.code)
    const { code, status, limit } = refusal
    const path = request.address.pathname.slice(0, longestPath)
    const refused = { method: request.method, path, code, status, field: shownField(refusal.field), limit }
    refusals.refused(refused, requestId)
    core.activity.refused({ ...refused, address: admission.addressOf(request) }, requestId)
    const answer = softened(request, error, () => core.returns.retryMs()) ?? problemAnswer(error, core.onError)
    return { ...answer, headers: { ...answer.headers, 'X-Request-Id': requestId } }
  }

  const answerTo = (request: Incoming, carrier: Carrier): ReturnType<Endpoint> => {
    figures.counters.requests++
    const route = plainRoute(request.path) ?? findRoute(pathOf(request.address))
    if (!route)
      throw new TidingsError('not_found', 'There is nothing at this address. See PROTOCOL.md for what there is.')
    const { methods, name } = route
    if (request.method === 'OPTIONS') {
      const preflight = origins.preflight(request, Object.keys(methods))
      if (preflight) return preflight
    }
    // The runtimes leave the body out of an answer to HEAD.
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const run = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (!run) {
      const allowed = allowedOf(methods)
      const refusal = new TidingsError('method_not_allowed', `Use ${allowed} here.`, { field: 'method' })
      const answer = refuse(request, refusal)
      return { ...answer, headers: { ...answer.headers, Allow: allowed } }
    }
    return run({ parts, access, request, carrier, name })
  }

  const fetch: Handler['fetch'] = async (request, { address = null, native } = {}) => {
    let carried: { outlet: BodyOutlet; headers: Headers } | null = null
    let give: (answer: Answer) => void = () => {}
    const held = new Promise<Answer>((resolve) => (give = resolve))
    const incoming = incomingOf(request, address, native)
    const given = await handle(incoming, {
      stream(headers) {
        const outlet = new BodyOutlet(parts.core.endOfTick, parts.core.settings.unsentBytes, parts.core.counters)
        carried = { outlet, headers }
        outlet.endWith(incoming)
        return outlet
      },
      answer: (make) => give(make()),
    })
    const answer = given ?? (carried ? null : await held)
    if (answer && request.method === 'HEAD') return new Response(null, answer)
    if (answer) return toResponse(answer, request.headers.get('Accept-Encoding'))
    const { outlet, headers } = carried as unknown as { outlet: BodyOutlet; headers: Headers }
    return new Response(outlet.stream, { status: 200, headers })
  }

  return { fetch, handle, close: () => refusals.close() }
}

const allowedOf = (methods: Methods): string =>
  Object.keys(methods)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    .join(', ')

/** `closed` is final in process. For a reader or a worker elsewhere a hub that has closed is one that will be back. */
function comeAgain(thrown: unknown): unknown {
  const isClosed = thrown instanceof TidingsError && thrown.code === 'closed'
  return isClosed ? new TidingsError('draining', 'This hub is shutting down.', { cause: thrown }) : thrown
}

/** The decoded segments of a path; an escape that is no UTF-8 is refused. */
function pathOf({ pathname }: URL): string[] {
  try {
    return pathname
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
  } catch (cause) {
    throw new TidingsError('query_invalid', 'The path holds an escape that is no UTF-8.', { field: 'path', cause })
  }
}
