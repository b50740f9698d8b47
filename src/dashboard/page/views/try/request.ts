import { addressOf } from '../../hub/request.js'

/** As whom a stream is opened. */
export type Identity = 'development' | 'token' | 'me' | 'nobody'

/** What one pane asks for, as it was typed. */
export interface TrySettings {
  readonly identity: Identity
  readonly userId: string
  readonly roles: string
  readonly token: string
  readonly topics: string
  readonly types: string
  readonly since: string
  readonly transport: 'sse' | 'poll'
}

export interface TryRequest {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  /** Cookies only go where nobody is named: they would say somebody else. */
  readonly credentials: RequestCredentials
}

/** The longest that a hub holds a poll unless it is set otherwise is 30 s. */
const pollWaitSeconds = 20

const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter(Boolean)

/** The request of a pane. `sessionToken`: of whoever is signed in; `cursor`: where the poll before it ended. */
export function requestOf(
  settings: TrySettings,
  sessionToken: string | null,
  cursor: string | null = null,
): TryRequest {
  const { identity, userId, roles, topics, types, since, transport } = settings
  const isPoll = transport === 'poll'
  const from = cursor ?? since.trim()
  const token = identity === 'token' ? settings.token.trim() : identity === 'me' ? sessionToken : null
  return {
    address: addressOf('/events', {
      ...(identity === 'development' && { userId: userId.trim(), roles: words(roles).join(',') }),
      topic: words(topics),
      type: words(types),
      since: from,
      ...(isPoll && from !== '' && { wait: pollWaitSeconds }),
    }),
    headers: {
      Accept: isPoll ? 'application/json' : 'text/event-stream, application/problem+json',
      ...(token !== null && token !== '' && { Authorization: `Bearer ${token}` }),
    },
    credentials: identity === 'me' && token === null ? 'same-origin' : 'omit',
  }
}
