import { TidingsError } from '../errors.js'
import { problemType, type Problem } from '../protocol/names.js'
import { type ValuesOf, text } from './setting.js'
import { type Environment, type Flags, readSettings } from './sources.js'

/** Which hub a command speaks to, and as whom. */
export const target = {
  url: text('--url <address>', 'where the hub is mounted', { fallback: 'http://127.0.0.1:4000' }),
  token: text('--token <token>', 'Bearer token; better as a variable', { secret: true }),
  user: text('--user <id>', 'the person to be, on a hub started with --dev'),
} as const

export interface Target {
  /** Without a slash at the end. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Added to every request's query. */
  readonly query: readonly (readonly [string, string])[]
}

/** Throws `option_invalid` naming the flag or the variable. */
export function readTarget(flags: Flags, environment: Environment): Target {
  const {
    url = target.url.fallback as string,
    token,
    user,
  }: ValuesOf<typeof target> = readSettings(target, flags, environment)
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TidingsError('option_invalid', `--url must be an http address, not "${url}".`, { field: '--url' })
  }
  if (token !== undefined && user !== undefined) {
    throw new TidingsError('option_invalid', '--token and --user contradict each other: the token says who you are.', {
      field: '--user',
    })
  }
  return {
    url: url.replace(/\/+$/, ''),
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    query: user === undefined ? [] : [['userId', user]],
  }
}

export function addressOf(hub: Target, path: string, query: readonly (readonly [string, string])[] = []): string {
  const parameters = new URLSearchParams([...query, ...hub.query].map(([name, value]) => [name, value]))
  return `${hub.url}${path}${parameters.size > 0 ? `?${parameters}` : ''}`
}

/** `fetch` as the person that the target names. */
export function fetchAs(hub: Target): typeof globalThis.fetch {
  return (input, init) => {
    const address = new URL(String(input))
    for (const [name, value] of hub.query) address.searchParams.set(name, value)
    return fetch(address, { ...init, headers: { ...(init?.headers as Record<string, string>), ...hub.headers } })
  }
}

export interface Refusal {
  readonly status: number
  /** What a person reads: the hub's own words where it has some. */
  readonly message: string
  readonly retryAfterMs: number | undefined
  /** Whether the answer is a hub's problem (P12). */
  readonly byHub: boolean
}

/** What an answer that is not the wanted one says. */
export async function refusalOf(response: Response): Promise<Refusal> {
  const body = await response.text().catch(() => '')
  let problem: Partial<Problem> = {}
  if (response.headers.get('Content-Type')?.startsWith(problemType)) {
    try {
      problem = JSON.parse(body) as Problem
    } catch {
      // The status says enough.
    }
  }
  const { code, detail = `${response.url.split('?', 1)[0]} answered ${response.status}.`, retryAfterMs } = problem
  return {
    status: response.status,
    message: code ? `[${code}] ${detail}` : detail,
    retryAfterMs,
    byHub: code !== undefined,
  }
}

/** Whether the same request may succeed later. */
export const isTemporary = (status: number): boolean => status === 429 || status === 408 || status >= 500
