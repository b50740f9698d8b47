/** Who is behind a connection, as the hub shows and revokes it; a principal is one. Absent: a reader in this process. */
export interface Reader {
  readonly userId?: string
  readonly sessionId?: string
  readonly roles: readonly string[]
  readonly admin: boolean
  /** How it signed in: `session`, `jwt`, … */
  readonly method: string
  /** What its token is revoked by. */
  readonly tokenId?: string
  /** Unix ms; when its token was made. */
  readonly issuedAt?: number
  readonly expiresAt?: number
}
