import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Encoding } from './encoding.js'

/** The best first. */
export const offered: readonly Encoding[] = ['br', 'gzip']

const gzipped = promisify(gzip)
const brotlied = promisify(brotliCompress)
/** Of 11: like gzip in time, and smaller. Higher ones are for what is compressed once and served for ever. */
const brotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
}

/** Off the main thread. */
export const compress = (text: string, encoding: Encoding): Promise<Buffer> =>
  encoding === 'br' ? brotlied(text, brotliOptions) : gzipped(text, { level: 4 })
