import type { HubOptions, JwtAlgorithm, JwtOptions } from '../index.js'
import { isLoopback } from './loopback.js'
import { contradiction, refusal } from './refusal.js'
import { type ValuesOf, list, listed, onOff, present, text } from './setting.js'

/** What says who may come in, and from where. */
export const signInSettings = {
  jwtSecret: text('--jwt-secret <secret>', 'accept Bearer tokens signed with it (HS256, at least 32 bytes)', {
    secret: true,
  }),
  jwks: text('--jwks <url>', 'accept Bearer tokens of the identity provider whose keys are there; needs --jwt-issuer', {
    // A user name and a password may stand before the "@".
    show: (address) => address.replace(/\/\/[^/]*@/, '//'),
  }),
  jwtAlgorithms: list('--jwt-algorithms <names>', 'what it signs with', { fallback: 'RS256,ES256,EdDSA' }),
  jwtIssuer: text('--jwt-issuer <name>', 'the only "iss" that is accepted'),
  jwtAudience: text('--jwt-audience <name>', 'the only "aud" that is accepted'),
  urlTokens: onOff('--url-tokens', 'take tokens that live five minutes from ?token= too, for native EventSource'),
  allowedOrigins: list('--allowed-origins <origins>', 'of pages on other hosts that may call from a browser'),
  publicTopics: list('--public-topics <patterns>', 'topics that anybody who is let in may read'),
  anonymous: onOff('--anonymous', 'let in whoever carries no credential, for --public-topics alone'),
  dev: onOff('--dev', 'let anybody be anybody with ?userId=<id>, on this machine only'),
} as const

type SignIn = Pick<HubOptions, 'jwt' | 'urlTokens' | 'allowedOrigins' | 'publicTopics' | 'anonymous' | 'development'>

/** Throws `option_invalid` naming a setting that is missing, or that contradicts another one. */
export function planSignIn(values: ValuesOf<typeof signInSettings>, host: string): SignIn {
  const { jwtSecret, jwks, jwtAlgorithms, jwtIssuer, jwtAudience, urlTokens, allowedOrigins, dev = false } = values
  const { publicTopics, anonymous } = values
  if (anonymous && publicTopics === undefined)
    throw refusal('--anonymous', '--anonymous lets in people who could read nothing: give --public-topics too.')
  if (dev && !isLoopback(host)) throw contradiction('--dev', `--host ${host}`, 'Anybody could be anybody.')
  if (jwtSecret !== undefined && jwks !== undefined) throw contradiction('--jwt-secret', '--jwks')
  const tokens = jwtSecret ?? jwks
  for (const [flag, value] of [
    ['--jwt-issuer', jwtIssuer],
    ['--jwt-audience', jwtAudience],
  ] as const) {
    if (value !== undefined && tokens === undefined)
      throw refusal(flag, `${flag} says nothing without --jwt-secret or --jwks.`)
  }
  if (jwtAlgorithms !== undefined && jwks === undefined)
    throw refusal('--jwt-algorithms', '--jwt-algorithms says nothing without --jwks.')
  if (jwks !== undefined && jwtIssuer === undefined)
    throw refusal('--jwks', '--jwks needs --jwt-issuer: the keys are asked for tokens of that issuer only.')
  if (tokens === undefined && !dev) {
    throw refusal(
      '--jwt-secret',
      'A hub needs a way to sign in: give --jwt-secret, --jwks or, on your own machine, --dev.',
    )
  }
  const checked = { issuer: jwtIssuer, audience: jwtAudience }
  const algorithms = listed(jwtAlgorithms) as readonly JwtAlgorithm[] | undefined
  const jwt =
    jwtSecret !== undefined
      ? { secret: jwtSecret, ...checked }
      : jwks !== undefined && { jwksUrl: jwks, ...checked, ...present({ algorithms }) }
  return {
    development: dev,
    ...present({ urlTokens, allowedOrigins: listed(allowedOrigins), publicTopics: listed(publicTopics), anonymous }),
    ...(jwt && { jwt: jwt as JwtOptions }),
  }
}
