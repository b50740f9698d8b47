import { TidingsError } from '../errors.js'

/** HS256 is as strong as its key, and a key shorter than the digest weakens it (RFC 7518 §3.2). */
const leastSecretBytes = 32

/** The bytes of an HS256 secret; throws `option_invalid` naming `field` when it is too short to be one. */
export function hmacKey(secret: unknown, field: string): Uint8Array<ArrayBuffer> {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : new Uint8Array()
  if (bytes.length < leastSecretBytes) {
    throw new TidingsError(
      'option_invalid',
      `"${field}" must be a string of at least ${leastSecretBytes} bytes. Make one with: openssl rand -base64 48`,
      { field },
    )
  }
  return bytes
}
