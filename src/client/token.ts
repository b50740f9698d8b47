import { type Clock, lightClock } from '../clock.js'
import { ClientError } from './error.js'

export interface TokenFromOptions {
  /** What is sent with the request that mints: headers of your own. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether cookies go to another origin. Default `same-origin`. */
  readonly credentials?: RequestCredentials
  readonly fetch?: typeof globalThis.fetch
  readonly clock?: Clock
}

/** A token is renewed this long before it ends, so that no request carries one that ends on its way. */
const marginMs = 30_000

interface Minted {
  readonly token: string
  /** By the monotonic clock: whose wall clock is wrong asks no less often. */
  readonly until: number
}

/**
 * A `getToken` that mints a token from the session of the page: `createClient({ url, getToken: tokenFrom('/tidings/tokens') })`.
 * The answer to `POST url` is `{ token, expiresAt }`, `expiresAt` in Unix ms or as an ISO date. A token is used until 30 s
 * before its end, or for half of a life that is shorter than a minute; however many ask at once, one request is made. Rejects with a
 * ClientError where none can be had; 401 and 403 are `authentication`.
 */
export function tokenFrom(url: string, options: TokenFromOptions = {}) {
  const { headers = {}, credentials = 'same-origin', clock = lightClock } = options
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  let minted: Minted | null = null
  let minting: Promise<Minted> | null = null

  const mint = async (): Promise<Minted> => {
    const askedAt = clock.monotonic()
    const response = await fetch(url, { method: 'POST', headers, credentials, cache: 'no-store' })
    if (!response.ok) {
      const kind = response.status === 401 || response.status === 403 ? 'authentication' : 'connection'
      throw new ClientError(kind, `${url} answered ${response.status}.`)
    }
    const { token, expiresAt } = (await response.json()) as { token?: unknown; expiresAt?: unknown }
    if (typeof token !== 'string') throw new ClientError('authentication', `${url} gave no token.`)
    const lifeMs = new Date(expiresAt as number | string).getTime() - clock.now()
    // Of a short life it is used for half. Without a sensible end it is asked for anew each time.
    const usableMs = lifeMs > 0 ? Math.max(lifeMs - marginMs, lifeMs / 2) : 0
    return { token, until: askedAt + usableMs }
  }

  return async ({ refresh }: { refresh: boolean }): Promise<string> => {
    if (minted && !refresh && clock.monotonic() < minted.until) return minted.token
    minting ??= mint().finally(() => {
      minting = null
    })
    minted = await minting
    return minted.token
  }
}
