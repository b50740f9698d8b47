import { systemClock } from '../../clock.js'
import { addressOf, type Target } from '../target.js'
import { type Answered, type Line, ask } from './exchange.js'
import { type Finding, bad, note, ok, skipped, warning } from './finding.js'

/** What the hub says of the request that reached it (P16.1). */
export interface Diagnosis {
  readonly now: number
  readonly request: {
    readonly httpVersion: string | null
    readonly address: string | null
    readonly forwarded: 'none' | 'believed' | 'ignored'
  }
  readonly principal: { readonly method: string; readonly user: string | null; readonly admin: boolean }
  readonly heartbeatMs: number
  readonly pollWaitMs: number
  readonly store?: {
    readonly kind: string
    readonly available: boolean
    readonly facts?: Readonly<Record<string, string | number | boolean>>
  }
}

/** Two clocks that differ by more than this make tokens of one invalid at the other. */
const skewMs = 2_000

/** Whether the credential is good, and what the hub sees of a request on its way. */
export async function checkCredential(
  line: Line,
  target: Target,
): Promise<{ findings: Finding[]; diagnosis: Diagnosis | null }> {
  const sentMs = systemClock.now()
  const answer = await ask(line, addressOf(target, '/diagnosis')).catch((error: Error) => error)
  if (answer instanceof Error) return { findings: [notWhole(`: ${answer.message}`)], diagnosis: null }
  if (answer.status !== 200) return { findings: [refused(target, answer)], diagnosis: null }
  if (!answer.json?.principal) return { findings: [notWhole(', though it begins as the hub answers')], diagnosis: null }
  const diagnosis = answer.json as unknown as Diagnosis
  const { method, user, admin } = diagnosis.principal
  const who = `${user === null ? 'nobody by name' : `user ${user}`}${admin ? ', an administrator' : ''}`
  return {
    findings: [
      ok('credential', `The credential is good: ${who} (${method}).`),
      clockOf(diagnosis, sentMs, answer.tookMs),
      upstreamOf(diagnosis),
      trustOf(diagnosis, answer),
    ],
    diagnosis,
  }
}

const notWhole = (how: string): Finding =>
  bad('cut-answer', `An answer of the hub did not arrive whole${how}.`, 'Look at the error log of the proxy.')

function refused(target: Target, { status, json }: Answered): Finding {
  const detail = typeof json?.detail === 'string' ? json.detail : ''
  const isSent = target.headers.Authorization !== undefined
  if (status === 404)
    return skipped('credential', 'This hub is older than this program: it does not say what reaches it.')
  if (status !== 401) return bad('credential', `The hub answered ${status}. ${detail}`)
  if (isSent && /carries no credential/.test(detail)) {
    return bad(
      'authorization',
      'The header Authorization does not reach the hub: something in front takes it away.',
      'nginx: proxy_set_header Authorization $http_authorization;',
      'and look for "proxy_set_header Authorization" with another value, or auth_basic, which wants the header for itself',
    )
  }
  return isSent
    ? bad(
        'credential',
        `The hub refuses the token: ${detail}`,
        'Look whether it has ended, whether it is signed with the key of this hub, and at iss and aud. "tidings token" makes one.',
      )
    : bad(
        'credential',
        'The hub lets nobody in without a credential.',
        'Give --token or TIDINGS_TOKEN, or on a hub started with --dev --user.',
      )
}

function clockOf({ now }: Diagnosis, sentMs: number, tookMs: number): Finding {
  const differsMs = now - (sentMs + tookMs / 2)
  if (Math.abs(differsMs) <= skewMs + tookMs / 2) return ok('clock', 'Its clock and ours agree.')
  const seconds = Math.round(Math.abs(differsMs) / 100) / 10
  return warning(
    'clock',
    `Its clock is ${seconds} s ${differsMs > 0 ? 'ahead of' : 'behind'} ours: tokens end too early or too late.`,
    'Let both machines follow a time server (chrony, systemd-timesyncd).',
  )
}

function upstreamOf({ request }: Diagnosis): Finding {
  if (request.httpVersion !== '1.0')
    return ok('upstream-version', `The hub is spoken to in HTTP/${request.httpVersion ?? '?'}.`)
  return warning(
    'upstream-version',
    'A proxy speaks HTTP/1.0 to the hub: each publish and each poll opens a connection of its own.',
    'nginx: proxy_http_version 1.1;',
    '       proxy_set_header Connection "";',
  )
}

function trustOf({ request: { forwarded, address } }: Diagnosis, { headers }: Answered): Finding {
  if (forwarded === 'ignored') {
    return warning(
      'proxy-trust',
      `A proxy tells the address of its clients and is not believed: to the hub everybody is ${address ?? 'one address'}, and limits by address meet all together.`,
      'Start the hub with --trusted-proxies <the address that the proxy calls from>.',
    )
  }
  if (forwarded === 'believed') return ok('proxy-trust', `A proxy is trusted: you come from ${address ?? 'nowhere'}.`)
  const proxy = headers.via ?? headers.server
  if (proxy === undefined) return ok('proxy-trust', `No proxy is in sight: you come from ${address ?? 'nowhere'}.`)
  return note(
    'proxy-trust',
    `There is a proxy (${proxy}) that does not tell from where requests come: limits by address meet all its clients together. nginx: proxy_set_header X-Forwarded-For $remote_addr; and --trusted-proxies`,
  )
}
