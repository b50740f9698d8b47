import { TidingsError } from '../errors.js'
import { checkId } from '../protocol/topic.js'
import type { Reader } from './reader.js'

/** What is revoked: everything of a user or a session, or one token by its `jti` (A5). */
export type RevocationTarget =
  | { readonly user: string; readonly session?: never; readonly tokenId?: never }
  | { readonly session: string; readonly user?: never; readonly tokenId?: never }
  | { readonly tokenId: string; readonly user?: never; readonly session?: never }

export type RevocationKind = 'user' | 'session' | 'tokenId'

export interface Revocation {
  readonly namespace: string
  readonly kind: RevocationKind
  readonly id: string
  /** Unix ms, by the clock of the node that was told. */
  readonly at: number
}

const revocationKinds = ['user', 'session', 'tokenId'] as const
/** As {@link Reader.tokenId} may be. */
const longestTokenId = 256

/** Checks `{ user | session | tokenId }`, exactly one of them; throws `body_invalid` or `id_invalid` naming the field. */
export function checkTarget(target: unknown): { readonly kind: RevocationKind; readonly id: string } {
  const given = typeof target === 'object' && target !== null ? Object.entries(target) : []
  const [first, ...more] = given.filter(([, value]) => value !== undefined)
  const kind = revocationKinds.find((each) => each === first?.[0])
  if (!first || !kind || more.length > 0) {
    const field = (kind ? more[0] : first)?.[0] ?? 'user'
    throw new TidingsError('body_invalid', 'Name one thing to revoke: "user", "session" or "tokenId".', { field })
  }
  if (kind !== 'tokenId') return { kind, id: checkId(first[1], kind) }
  if (typeof first[1] !== 'string' || first[1].length === 0 || first[1].length > longestTokenId) {
    throw new TidingsError('id_invalid', `"tokenId" must be the "jti" of a token, 1–${longestTokenId} characters.`, {
      field: kind,
    })
  }
  return { kind, id: first[1] }
}

/** Whether this reader's rights came from what is revoked. */
export function isRevoked({ kind, id, at }: Revocation, reader: Reader): boolean {
  if (kind === 'session') return reader.sessionId === id
  if (kind === 'tokenId') return reader.tokenId === id
  return reader.userId === id && !(reader.issuedAt !== undefined && reader.issuedAt >= at)
}

/** A user's session is asked again at the next connect; of the rest nothing can come back. */
export const mayReturn = ({ kind }: Revocation): boolean => kind === 'user'

/** Whether the revocation refuses whoever comes now: a user's session may still be good, a token of before is not. */
export const refuses = (revocation: Revocation, reader: Reader): boolean =>
  isRevoked(revocation, reader) && !(mayReturn(revocation) && reader.method !== 'jwt')
