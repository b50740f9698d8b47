import { type JWTVerifyGetKey, createRemoteJWKSet, errors } from 'jose'
import { TidingsError } from '../errors.js'
import { hmacKey } from './hmac-key.js'

/** Tokens signed with a shared secret (HS256). */
export interface JwtSecretOptions {
  /** The HS256 secret, at least 32 bytes of UTF-8. */
  readonly secret: string
  /** When set, `iss` must be this. */
  readonly issuer?: string | undefined
  /** When set, `aud` must be or contain this. */
  readonly audience?: string | undefined
}

/** Tokens of an identity provider that publishes its keys. */
export interface JwtKeysOptions {
  /** Where it publishes them (a JWK Set): https, or http on this machine. */
  readonly jwksUrl: string
  /** `iss` of its tokens. Only for a token that names it are its keys asked. */
  readonly issuer: string
  readonly audience?: string | undefined
  /**
   * What it signs with. Default: `RS256`, `ES256`, `EdDSA`, and then each key must say which of them it is for; where one is
   * given, keys that say nothing count as that one.
   */
  readonly algorithms?: readonly JwtAlgorithm[] | undefined
}

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const
export type JwtAlgorithm = (typeof asymmetric)[number]
const defaultAlgorithms: readonly JwtAlgorithm[] = ['RS256', 'ES256', 'EdDSA']

export type JwtOptions = JwtSecretOptions | JwtKeysOptions

/** A place that tokens come from, ready to check one. */
export interface JwtSource {
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  readonly algorithms: readonly string[]
  readonly key: Uint8Array<ArrayBuffer> | JWTVerifyGetKey
}

/** Checks the options; throws `option_invalid` naming the one that is wrong after `field`. */
export function jwtSource(options: JwtOptions, field: string): JwtSource {
  const { issuer, audience } = options
  for (const [name, value] of Object.entries({ issuer, audience })) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw wrong(`${field}.${name}`, 'must be a string')
  }
  if ('secret' in options) {
    return { issuer, audience, algorithms: ['HS256'], key: hmacKey(options.secret, `${field}.secret`) }
  }
  if (issuer === undefined) throw wrong(`${field}.issuer`, 'must be given with "jwksUrl"')
  const { algorithms = defaultAlgorithms } = options
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((one) => asymmetric.includes(one)))
    throw wrong(`${field}.algorithms`, `must name some of ${asymmetric.join(', ')}`)
  return { issuer, audience, algorithms, key: remoteKeys(addressOf(options.jwksUrl, `${field}.jwksUrl`), algorithms) }
}

/** A provider that does not answer holds up a sign-in for this long, and is asked again after as long. */
const fetchTimeoutMs = 5_000
/** Keys that nobody has heard of are looked for no more often: a stranger can send any `kid`. */
const cooldownMs = 30_000
const freshMs = 10 * 60_000

/** Fetched when first needed, kept for ten minutes, asked again for a key that is not among them (rotation). */
function remoteKeys(address: URL, algorithms: readonly JwtAlgorithm[]): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(address, {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: freshMs,
  })
  return async (header, token) => {
    // What a token says about its own key is nobody's business but the forger's.
    const { alg, kid } = header
    const trusted = { alg, ...(kid !== undefined && { kid }) }
    let key: Awaited<ReturnType<typeof remote>>
    try {
      key = await remote(trusted, token)
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      throw new TidingsError('identity_unavailable', 'The keys of the identity provider cannot be had right now.', {
        retryAfterMs: fetchTimeoutMs,
        cause,
      })
    }
    const listed = remote.jwks()?.keys.filter((one) => kid === undefined || one.kid === kid) ?? []
    const meant = listed.some((one) => one.alg === alg || (one.alg === undefined && algorithms.length === 1))
    if (!meant) throw new errors.JWKSNoMatchingKey()
    return key
  }
}

function addressOf(text: unknown, field: string): URL {
  let address: URL | null = null
  try {
    address = new URL(String(text))
  } catch {
    // Refused below.
  }
  const local = address && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(address.hostname)
  if (!address || !(address.protocol === 'https:' || (address.protocol === 'http:' && local)))
    throw wrong(field, 'must be an https address')
  return address
}

const wrong = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
