import type { Random } from '#src/random.js'

/** A request as it is sent, so that one that was answered badly can be shown and sent again. */
export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | null
}

/** Draws from one seed. */
export class Dice {
  readonly #random: Random
  constructor(random: Random) {
    this.#random = random
  }
  below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit)
  }
  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value
  }
  chance(percent: number): boolean {
    return this.below(100) < percent
  }
  bytes(length: number): Uint8Array {
    return this.#random.bytes(length)
  }
}

const topics = ['a', 'b', 'news', 'user:7', 'role:ADMIN', 'all', 'job:j1', 'jobs:7', 'session:s']
const strings = [
  '',
  ' ',
  '0',
  '-1',
  'null',
  'true',
  'start',
  'now',
  '@0',
  '@-1',
  '@99999999999999999',
  '*',
  'job:*',
  'a*b',
  '__proto__',
  'constructor',
  'toString',
  'a\u0000b',
  'a\r\nb: c',
  'a\nid: 7',
  '\u2028',
  '\u202e',
  '\ud800',
  '\ufeff',
  '💥',
  'ä',
  '%',
  '%00',
  '../..',
  '<script>',
  "' OR 1=1",
  '${7*7}',
  'x'.repeat(300),
  'ü'.repeat(200),
  ':',
  '::',
  'user:',
  'user:*',
  'user:{7}',
  'job:',
  'role:',
  'ab12.5',
  'zz.',
  '.1',
  'A.9007199254740993',
  'A.-1',
  `${'A'.repeat(60)}.1`,
  'application/json',
  'text/event-stream',
] as const
const numbers = [0, -0, -1, 1, 0.5, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 53, 2 ** 53 + 2, Number.MIN_VALUE]
const fields = [
  'topic',
  'topics',
  'to',
  'type',
  'data',
  'id',
  'priority',
  'source',
  'metadata',
  'volatile',
  'version',
  'owner',
  'kind',
  'total',
  'counters',
  'meta',
  'attempts',
  'leaseMs',
  'startWithinMs',
  'ttlMs',
  'parent',
  'eventsPerSecond',
  'increment',
  'set',
  'log',
  'publish',
  'attempt',
  'result',
  'error',
  'for',
  'user',
  'session',
  'tokenId',
  'reason',
  '__proto__',
  'constructor',
] as const
const queries = [
  'topic',
  'type',
  'since',
  'own',
  'named',
  'wait',
  'limit',
  'client',
  'userId',
  'roles',
  'token',
  'owner',
  'status',
  'after',
  'name',
] as const
const headerNames = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Last-Event-ID',
  'Origin',
  'Cookie',
  'X-Forwarded-For',
  'Forwarded',
  'Accept-Encoding',
  'Sec-Fetch-Site',
  'Access-Control-Request-Method',
  'If-None-Match',
  'Range',
  'User-Agent',
  'Content-Encoding',
  'Cache-Control',
] as const
const accepts = [
  'application/json',
  'text/event-stream',
  '*/*',
  'text/html',
  'application/json;q=0',
  'text/event-stream, application/json',
  ',,',
  '/',
]
const methods = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'PROPFIND']
/** What there is, each with the methods that it has; those that reach furthest come most often. */
const routes: readonly (readonly [string, readonly string[]])[] = [
  ['/events', ['GET', 'GET', 'POST', 'POST', 'POST']],
  ['/events', ['GET', 'GET', 'POST', 'POST', 'POST']],
  ['/jobs', ['GET', 'POST', 'POST']],
  ['/jobs/j1', ['GET', 'PATCH', 'PATCH', 'PATCH', 'DELETE']],
  ...['start', 'renew', 'complete', 'fail', 'cancel', 'retry'].map((name) => [`/jobs/j1/${name}`, ['POST']] as const),
  ['/tokens', ['POST']],
  ['/topics/a', ['GET', 'DELETE']],
  ['/health', ['GET']],
  ['/ready', ['GET']],
  ['/connections', ['GET', 'DELETE']],
  ['/connections/x', ['GET', 'DELETE']],
  ['/connections/ping', ['POST']],
  ['/revocations', ['POST']],
  ['/', ['GET']],
  ['//', ['GET']],
  ['/stats', ['GET']],
]

/** A value that some code did not think of. */
function nasty(dice: Dice, depth = 0): unknown {
  const kind = dice.below(depth > 3 ? 6 : 10)
  if (kind < 2) return dice.of(strings)
  if (kind === 2) return dice.of(numbers)
  if (kind === 3) return dice.of([null, true, false])
  if (kind === 4) return dice.of(topics)
  if (kind === 5) return text(dice)
  if (kind < 8) return Array.from({ length: dice.below(4) }, () => nasty(dice, depth + 1))
  const object = Object.create(null) as Record<string, unknown>
  for (let n = dice.below(4); n > 0; n--) object[dice.of<string>([...fields, ...strings])] = nasty(dice, depth + 1)
  return object
}

const text = (dice: Dice): string =>
  String.fromCharCode(...Array.from(dice.bytes(dice.below(30)), (byte) => byte * dice.of([1, 1, 1, 257])))

function good(dice: Dice, path: string): Record<string, unknown> {
  const id = `id-${dice.below(50)}`
  if (path.startsWith('/events'))
    return { topic: dice.of(topics), type: 'note', data: nasty(dice), ...(dice.chance(20) && { id }) }
  if (path === '/jobs') return { id: dice.of(['j1', 'j2', 'j3']), owner: 'user:7', kind: 'k', total: 5, ttlMs: 1_000 }
  if (path === '/jobs/j1')
    return { increment: { processed: 1 }, set: { stage: 'x' }, log: [{ level: 'info', message: 'm' }] }
  if (path === '/tokens') return dice.chance(50) ? { for: 'url', topics: ['user:7'] } : {}
  if (path === '/revocations') return { session: 'nobody' }
  return {}
}

function bodyOf(dice: Dice, path: string): string {
  const kind = dice.below(20)
  if (kind === 0) return String.fromCharCode(...dice.bytes(dice.below(200)))
  if (kind === 1) return '['.repeat(dice.of([10, 5_000, 200_000]))
  if (kind === 2) {
    const deep = dice.of([10, 2_000, 30_000])
    return `{"topic":"a","type":"note","data":${'['.repeat(deep)}${']'.repeat(deep)}}`
  }
  if (kind === 3) return JSON.stringify('x'.repeat(dice.of([100, 70_000, 1_100_000])))
  if (kind < 6) return JSON.stringify(nasty(dice)) ?? ''
  const body = good(dice, path)
  if (kind < 11) return JSON.stringify(body)
  for (let n = dice.below(3); n >= 0; n--) body[dice.of(fields)] = nasty(dice)
  const whole = dice.chance(20) ? [body, good(dice, path), nasty(dice)] : body
  const json = JSON.stringify(whole)
  return dice.chance(5) ? json.slice(0, dice.below(json.length)) : json
}

function encoded(dice: Dice, value: string): string {
  if (dice.chance(10))
    return Array.from(dice.bytes(dice.below(12)), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  if (dice.chance(5)) return value.replace(/[^\x21-\x7e]/g, '')
  return encodeURIComponent(value.replace(/\p{Cs}/gu, '\ufffd'))
}

function routeOf(dice: Dice): { readonly method: string; readonly path: string } {
  if (dice.chance(3)) {
    const segments = Array.from({ length: dice.below(5) }, () => encoded(dice, dice.of(strings)))
    return { method: dice.of(methods), path: `/${segments.join('/')}` }
  }
  const [route, allowed] = dice.of(routes)
  const path = dice.chance(8) ? route.replace(/[^/]+$/, encoded(dice, String(nasty(dice, 9)))) : route
  return { method: dice.chance(92) ? dice.of(allowed) : dice.of(methods), path }
}

/** One request, whole as HTTP has it; what it asks is anything. */
export function drawRequest(dice: Dice): FuzzRequest {
  const { method, path } = routeOf(dice)
  const query: string[] = dice.chance(95) ? ['userId=7'] : []
  for (let n = dice.chance(60) ? dice.below(4) : 0; n > 0; n--) {
    const name = dice.chance(95) ? dice.of(queries) : encoded(dice, dice.of(strings))
    const value = name === 'topic' && dice.chance(60) ? dice.of(topics) : String(nasty(dice, 9))
    // Held polls would hold up the fuzz.
    query.push(`${name}=${name === 'wait' ? dice.of(['0', '0.01', '-1', 'x', '1e1', '31']) : encoded(dice, value)}`)
  }
  const headers: [string, string][] = [['Accept', dice.of(dice.chance(70) ? ['application/json'] : accepts)]]
  const hasBody = !['GET', 'HEAD', 'OPTIONS'].includes(method) || dice.chance(3)
  if (hasBody)
    headers.push(['Content-Type', dice.chance(92) ? 'application/json' : dice.of(strings).replace(/[^\x20-\x7e]/g, '')])
  for (let n = dice.chance(50) ? dice.below(4) : 0; n > 0; n--) {
    const value = dice.of(
      dice.chance(50)
        ? strings
        : ['Bearer x.y.z', 'Bearer\tx', 'Bearer', 'Basic eDp5', 'http://evil.test', 'cross-site', 'gzip, br;q=0'],
    )
    headers.push([dice.of(headerNames), value.replace(/[^\x20-\x7e\t]/g, '?')])
  }
  const url = `${path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  return { method, path: url, headers, body: hasBody ? bodyOf(dice, path) : null }
}

/** Bytes that are nearly a request, or not at all. */
export function drawBytes(dice: Dice): Buffer {
  if (dice.chance(15)) return Buffer.from(dice.bytes(dice.below(2_000)))
  const { method, path, headers, body } = drawRequest(dice)
  const lines = [
    `${method} ${path} HTTP/${dice.of(['1.1', '1.1', '1.1', '1.0', '2.0', '0.9', '1.2'])}`,
    'Host: localhost',
  ]
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  if (dice.chance(50)) lines.push(`Content-Length: ${dice.of([Buffer.byteLength(body ?? ''), 0, 5, -1, 1e9, '1, 2'])}`)
  if (dice.chance(20)) lines.push(`Transfer-Encoding: ${dice.of(['chunked', 'gzip', 'chunked, chunked', 'identity'])}`)
  if (dice.chance(5)) lines.push(`Expect: ${dice.of(['100-continue', 'a miracle'])}`)
  if (dice.chance(5)) lines.push('Connection: Upgrade', `Upgrade: ${dice.of(['websocket', 'h2c', 'x'])}`)
  if (dice.chance(5)) lines.push(`X-Long: ${'x'.repeat(dice.of([1_000, 20_000]))}`)
  if (dice.chance(5))
    lines.push(dice.of([' folded', ': empty', 'no colon', 'Host: other', 'a b: c', 'Content-Length: 3']))
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1')
  for (let n = dice.of([0, 0, 1, 5]); n > 0 && bytes.length > 0; n--) bytes[dice.below(bytes.length)] = dice.below(256)
  return dice.chance(20) ? bytes.subarray(0, dice.below(bytes.length)) : bytes
}
