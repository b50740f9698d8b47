import type { Incoming } from '../auth/incoming.js'
import type { Principal } from '../auth/principal.js'
import { TidingsError } from '../errors.js'
import type { Limits } from '../hub/limits/limits.js'
import type { Place } from '../hub/limits/places.js'
import type { LimitedKind } from '../hub/limits/settings.js'
import type { ClientAddresses } from './client-address.js'

/** 128 bits as hex, base64url, a UUID, or in any words of the reader's own. */
const clientShape = /^[A-Za-z0-9_-]{22,64}$/

/** The limits as requests meet them (A6): by address before anybody is asked who they are, by the rest after. */
export class Admission {
  readonly #limits: Limits
  readonly #addresses: ClientAddresses
  readonly #onError: (error: unknown, stage: string) => void
  #warned = false

  constructor(limits: Limits, addresses: ClientAddresses, onError: (error: unknown, stage: string) => void) {
    this.#limits = limits
    this.#addresses = addresses
    this.#onError = onError
  }

  /** Counts a request by its address. Throws `rate_limited`. */
  byAddress(request: Incoming, kind: LimitedKind): void {
    const address = this.#addresses.keyOf(request)
    if (address !== null) this.#warning(request, () => this.#limits.take(kind, 'address', address))
  }

  /** Counts a request by who sent it. Throws `rate_limited`. */
  byPrincipal({ namespace, userId, sessionId }: Principal, kind: LimitedKind): void {
    if (sessionId !== undefined) this.#limits.take(kind, 'session', `${namespace} ${sessionId}`)
    if (userId !== undefined) this.#limits.take(kind, 'user', `${namespace} ${userId}`)
    this.#limits.take(kind, 'namespace', namespace)
  }

  /**
   * A place for the stream or poll that `request` asks for; it is to be released. Throws `rate_limited`, or `query_invalid`
   * on a malformed `client`.
   */
  arrive(request: Incoming): Place {
    const client = request.query.get('client')
    if (client !== null && !clientShape.test(client)) {
      throw new TidingsError('query_invalid', '"client" must be 22–64 characters of A–Z, a–z, 0–9, "_" and "-".', {
        field: 'client',
      })
    }
    return this.#warning(request, () => this.#limits.arrive(this.#addresses.keyOf(request), client))
  }

  /** The address that this request counts for; undefined: unknown. */
  addressOf(request: Incoming): string | undefined {
    return this.#addresses.keyOf(request) ?? undefined
  }

  /** From where this request comes as limits see it, and what became of its header that says so. */
  seen(request: Incoming): { readonly address: string | null; readonly forwarded: 'none' | 'believed' | 'ignored' } {
    const address = this.#addresses.keyOf(request)
    if (!this.#addresses.isForwarded(request)) return { address, forwarded: 'none' }
    return { address, forwarded: this.#addresses.isIgnored(request) ? 'ignored' : 'believed' }
  }

  /** Behind a proxy that nobody told us of, all readers are one address: said once, when it is refused. */
  #warning<Result>(request: Incoming, count: () => Result): Result {
    try {
      return count()
    } catch (error) {
      const { limit } = error as TidingsError
      const isAddress = limit?.endsWith('.address') || limit === 'connections.anonymousAddress'
      if (isAddress && !this.#warned && this.#addresses.isIgnored(request)) {
        this.#warned = true
        const message =
          'An address was refused whose requests say that they come for others. If it is your proxy, list it in "trustedProxies" (--trusted-proxies).'
        this.#onError(new TidingsError('rate_limited', message, { limit, cause: error }), 'limits')
      }
      throw error
    }
  }

  claim(place: Place, principal: Principal): void {
    const { namespace, userId, sessionId, scope = [], method } = principal
    place.claim({
      signedIn: method !== 'anonymous',
      namespace,
      userId,
      sessionId,
      // Only a client takes the place of another.
      principal: place.client === null ? '' : [namespace, userId ?? '', sessionId ?? '', ...scope].join(' '),
    })
  }
}
