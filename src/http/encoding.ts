import { mediaTypes } from '../protocol/names.js'
import type { Answer } from './answer.js'

export type Encoding = 'br' | 'gzip'

/** Below this an answer fits one packet, and compressing it saves nothing (H8). */
const leastBytes = 1_024

/** The best of `offered` (the best first) that `Accept-Encoding` takes; null: as it is. */
export function chooseEncoding<Offered extends Encoding>(
  acceptEncoding: string | null | undefined,
  offered: readonly Offered[],
): Offered | null {
  if (!acceptEncoding) return null
  const weights = new Map<string, number>()
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    weights.set(name, weight === undefined ? 1 : Number(weight) || 0)
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0
  let best: Offered | null = null
  for (const each of offered) if (weightOf(each) > 0 && (best === null || weightOf(each) > weightOf(best))) best = each
  return best !== null && weightOf(best) >= (weights.get('identity') ?? 0) ? best : null
}

const compressible: ReadonlySet<string> = new Set([
  mediaTypes.json,
  mediaTypes.problem,
  // The files of the dashboard.
  'text/html',
  'text/javascript',
  'text/css',
  'image/svg+xml',
])

/** Whether this answer differs by `Accept-Encoding`: text that nobody streams, and long enough. A softened refusal is a stream and stays as it is. */
export function isCompressible({ headers, body }: Answer): boolean {
  if (body === null || body.length < leastBytes) return false
  const [type = ''] = (headers['Content-Type'] ?? '').split(';')
  return compressible.has(type)
}

/** The headers of an answer that may be compressed, and is where `encoding` is given. */
export function encodedHeaders(headers: Answer['headers'], encoding: Encoding | null): Record<string, string> {
  const vary = headers['Vary']
  return {
    ...headers,
    Vary: vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`,
    ...(encoding && { 'Content-Encoding': encoding }),
  }
}
