const bits = 65_536

/**
 * How many different names there were, as data that nodes can join without telling the names: each sets one of 65,536 bits
 * (linear counting: exact to about 1 % up to 50,000 names, and saturating near 700,000). The hash has no secret to keep: who
 * reads the bits learns no name that it could not have guessed.
 */
export class Distinct {
  readonly #bits: Uint8Array

  constructor(data?: string) {
    this.#bits = data === undefined ? new Uint8Array(bits / 8) : new Uint8Array(Buffer.from(data, 'base64'))
  }

  add(name: string): void {
    const bit = hash(name) % bits
    this.#bits[bit >> 3] = (this.#bits[bit >> 3] as number) | (1 << (bit & 7))
  }

  join(other: Distinct): void {
    for (let index = 0; index < bits / 8; index++)
      this.#bits[index] = (this.#bits[index] as number) | (other.#bits[index] as number)
  }

  get count(): number {
    let unset = 0
    for (const byte of this.#bits) for (let rest = ~byte & 255; rest !== 0; rest &= rest - 1) unset++
    return Math.round(bits * Math.log(bits / Math.max(1, unset)))
  }

  get data(): string {
    return Buffer.from(this.#bits).toString('base64')
  }
}

/** FNV-1a, stirred once more so that its low bits are good. */
function hash(name: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < name.length; index++) value = Math.imul(value ^ name.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}
