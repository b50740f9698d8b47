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

/** `length` characters of base64url, 6 bits each. In one piece: added letter by letter it would be a tree of strings to V8. */
export function randomToken(random: Random, length: number): string {
  const bytes = random.bytes(length)
  for (let index = 0; index < length; index++) bytes[index] = alphabet.charCodeAt((bytes[index] as number) & 63)
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}
