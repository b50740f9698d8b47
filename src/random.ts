/** Randomness as a value that is handed in, so that a simulation replays from its seed. */
export interface Random {
  /** A number in [0, 1). Not for secrets. */
  fraction(): number
  /** `length` random bytes, fit for secrets in {@link systemRandom}. */
  bytes(length: number): Uint8Array
}

/** Bytes drawn ahead: one draw takes 4 µs, whether of twenty bytes or of four thousand. */
const drawn = new Uint8Array(4_096)
let used = drawn.length

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes(length) {
    if (length > 256) return crypto.getRandomValues(new Uint8Array(length))
    if (used + length > drawn.length) {
      crypto.getRandomValues(drawn)
      used = 0
    }
    const bytes = drawn.slice(used, used + length)
    // What was handed out may have become a secret: no copy of it stays here.
    drawn.fill(0, used, used + length)
    used += length
    return bytes
  },
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** `length` characters of base64url, 6 bits each. */
export function randomToken(random: Random, length: number): string {
  let token = ''
  for (const byte of random.bytes(length)) token += alphabet[byte & 63]
  return token
}
