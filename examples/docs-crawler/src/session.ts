import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Who is at the browser. The name is only shown; `userId` is random, because a name that anybody can type must not open
 * another person's crawls.
 */
export interface Visitor {
  readonly userId: string
  readonly sessionId: string
  readonly name: string
}

const cookieName = 'crawler_session'
const maxAgeSeconds = 30 * 24 * 3_600

/** Sessions without a table: the cookie carries them, signed with HMAC-SHA256. */
export class Sessions {
  readonly #secret: string
  readonly #now: () => number

  constructor(secret: string, now: () => number = Date.now) {
    this.#secret = secret
    this.#now = now
  }

  /** A new person of that name. */
  create(name: string): Visitor {
    return { userId: randomBytes(9).toString('base64url'), sessionId: randomBytes(9).toString('base64url'), name }
  }

  /** The `Set-Cookie` header that signs `visitor` in. */
  cookieFor(visitor: Visitor): string {
    const expiresAt = this.#now() + maxAgeSeconds * 1_000
    const payload = Buffer.from(JSON.stringify({ ...visitor, expiresAt })).toString('base64url')
    return `${cookieName}=${payload}.${this.#sign(payload)}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${maxAgeSeconds}`
  }

  /** The `Set-Cookie` header that signs out. */
  readonly endingCookie = `${cookieName}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0`

  /** Who sent this `Cookie` header, or null. */
  read(cookieHeader: string | null | undefined): Visitor | null {
    const value = cookieHeader
      ?.split(';')
      .map((part) => part.trim())
      .find((part) => part.startsWith(`${cookieName}=`))
      ?.slice(cookieName.length + 1)
    if (!value) return null
    const [payload = '', signature = ''] = value.split('.')
    if (!sameText(signature, this.#sign(payload))) return null
    const { userId, sessionId, name, expiresAt } = JSON.parse(
      Buffer.from(payload, 'base64url').toString(),
    ) as Visitor & {
      expiresAt: number
    }
    return expiresAt > this.#now() ? { userId, sessionId, name } : null
  }

  #sign(payload: string): string {
    return createHmac('sha256', this.#secret).update(payload).digest('base64url')
  }
}

/** Compares in a time that does not tell where two texts differ. */
function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A name as it is shown: trimmed, 1–40 characters, no control or format characters; null for anything else. */
export function cleanName(input: unknown): string | null {
  if (typeof input !== 'string') return null
  const name = input.trim().replaceAll(/\s+/g, ' ')
  return name.length >= 1 && name.length <= 40 && !/[\p{Cc}\p{Cf}\p{Cs}]/u.test(name) ? name : null
}
