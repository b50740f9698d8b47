import { hubUrl } from './address.js'
import { endSession, session } from './session.js'

/** A refusal of the hub, or a hub that cannot be reached (`code` `unreachable`). Its message is for people. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string
  readonly status: number
  readonly field: string | null

  constructor(code: string, status: number, message: string, field: string | null = null) {
    super(message)
    this.code = code
    this.status = status
    this.field = field
  }
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Null, undefined and empty ones are left out; lists are repeated. */
  readonly query?: Query
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Accept a token other than the session's; null: none. */
  readonly token?: string | null
}

export function addressOf(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== null && each !== undefined && each !== '') parameters.append(name, String(each))
  }
  const text = parameters.toString()
  return `${hubUrl}${path}${text && `?${text}`}`
}

/** One request to the hub as whoever is signed in. Throws a {@link Refusal}; a session that is no longer taken ends. */
export async function request<Answer>(path: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', query, body, signal, token = session.current.token } = options
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (token !== null) headers.Authorization = `Bearer ${token}`
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(addressOf(path, query), {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new Refusal('unreachable', 0, 'The hub cannot be reached. It may be restarting, or the network is away.')
  }
  if (response.ok) return (response.status === 204 ? null : await response.json()) as Answer
  const refusal = await refusalOf(response)
  // One that was just being replaced must not end the new one.
  if (refusal.status === 401 && token !== null && token === session.current.token) endSession(expiredOr(refusal))
  throw refusal
}

async function refusalOf(response: Response): Promise<Refusal> {
  const problem = (await response.json().catch(() => null)) as Record<string, unknown> | null
  const { code = 'unknown', detail, field } = problem ?? {}
  const words = typeof detail === 'string' ? detail : `The hub answered ${response.status} without saying why.`
  return new Refusal(String(code), response.status, words, typeof field === 'string' ? field : null)
}

function expiredOr({ message }: Refusal): string {
  const { expiresAt } = session.current
  return expiresAt !== null && expiresAt <= Date.now()
    ? 'Your token has expired.'
    : `The hub no longer takes your token. ${message}`
}
