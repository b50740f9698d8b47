/** Randomness as a value that is handed in, so that a simulation replays from its seed. */
export interface Random {
  /** A number in [0, 1). Not for secrets. */
  fraction(): number
  /** `length` random bytes, fit for secrets in {@link systemRandom}. */
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** `length` characters of base64url, 6 bits each. */
export function randomToken(random: Random, length: number): string {
  let token = ''
  for (const byte of random.bytes(length)) token += alphabet[byte & 63]
  return token
}
