import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Answer } from './answer.js'
import type { Encoding } from './encoding.js'

/** The best first. */
export const offered: readonly Encoding[] = ['br', 'gzip']

const gzipped = promisify(gzip)
const brotlied = promisify(brotliCompress)
/** Of 11: like gzip in time, and smaller. Higher ones are for what is compressed once and served for ever. */
const brotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
}

const compress = (text: string, encoding: Encoding): Promise<Buffer> =>
  encoding === 'br' ? brotlied(text, brotliOptions) : gzipped(text, { level: 4 })

/**
 * Compresses answers, off the main thread, and what is constant once: the files of the dashboard take 9 ms of the threads that
 * check signatures too, and anybody may ask for them.
 */
export class Compressor {
  readonly #constants: Readonly<Record<Encoding, Map<string, Promise<Buffer>>>> = { br: new Map(), gzip: new Map() }
  readonly #plain = new Map<string, Buffer>()

  compress({ body, constant }: Pick<Answer, 'body' | 'constant'>, encoding: Encoding): Promise<Buffer> {
    const text = body ?? ''
    if (!constant) return compress(text, encoding)
    const known = this.#constants[encoding]
    let made = known.get(text)
    if (!made) known.set(text, (made = compress(text, encoding)))
    return made
  }

  /** As it is. What is constant waits in one piece of memory, for however many do not read it. */
  plain({ body, constant }: Pick<Answer, 'body' | 'constant'>): string | Buffer | null {
    if (!constant || body === null) return body
    let made = this.#plain.get(body)
    if (!made) this.#plain.set(body, (made = Buffer.from(body)))
    return made
  }
}
