import { useSyncExternalStore } from 'react'

/** Who looks: a Bearer token, or null where the browser's own cookies may do. */
export interface Session {
  readonly token: string | null
  /** Unix ms; null: not known. */
  readonly expiresAt: number | null
  readonly user: string | null
  readonly namespace: string | null
  /** Why the last one ended, in words for whoever has to sign in again. */
  readonly ended: string | null
}

const key = 'tidings-token'
const nobody: Session = { token: null, expiresAt: null, user: null, namespace: null, ended: null }
const listeners = new Set<() => void>()
let current = begin()
let timer: ReturnType<typeof setTimeout> | undefined
watchExpiry()

/** Takes the token of a link (`#token=…`) out of the address, so that it is in no history, bookmark or screenshot. */
function begin(): Session {
  const fragment = new URLSearchParams(location.hash.slice(1))
  const linked = fragment.get('token')
  if (linked !== null) {
    fragment.delete('token')
    const rest = fragment.toString()
    history.replaceState(history.state, '', `${location.pathname}${location.search}${rest && `#${rest}`}`)
    sessionStorage.setItem(key, linked)
  }
  const token = sessionStorage.getItem(key)
  return token === null ? nobody : sessionOf(token)
}

function sessionOf(token: string): Session {
  const { exp, sub, tidings } = claimsOf(token)
  return {
    token,
    expiresAt: typeof exp === 'number' ? exp * 1000 : null,
    user: typeof sub === 'string' ? sub : null,
    namespace: tidings?.namespace ?? null,
    ended: null,
  }
}

/** What a token says of itself, for people to see. Whether it is true is for the hub to say. */
function claimsOf(token: string): { exp?: unknown; sub?: unknown; tidings?: { namespace?: string } } {
  try {
    const part = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes)) as object
  } catch {
    return {}
  }
}

function change(next: Session): void {
  current = next
  if (next.token === null) sessionStorage.removeItem(key)
  else sessionStorage.setItem(key, next.token)
  watchExpiry()
  for (const listener of listeners) listener()
}

/** Longer delays than this fire at once. */
const longestDelayMs = 2 ** 31 - 1

function watchExpiry(): void {
  clearTimeout(timer)
  if (current.expiresAt === null) return
  timer = setTimeout(sessionExpired, Math.min(longestDelayMs, Math.max(0, current.expiresAt - Date.now())))
}

function sessionExpired(): void {
  if (current.expiresAt !== null && current.expiresAt > Date.now()) return watchExpiry()
  endSession('Your token has expired. Paste a new one, or open the link that the hub prints when it starts.')
}

export const session = {
  get current(): Session {
    return current
  },
  signIn: (token: string): void => change(sessionOf(token)),
  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  },
}

/** Forgets the token; `why` is shown where one signs in. */
export function endSession(why: string | null): void {
  change({ ...nobody, ended: why })
}

export const useSession = (): Session => useSyncExternalStore(session.subscribe, () => current)
