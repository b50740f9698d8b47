import { TidingsError } from '../../errors.js'
import type { GuardedConnection } from './connection.js'
import { format, formatKey } from './keys.js'
import { list, RedisRefusal, type Reply, word } from './port.js'
import { scripts } from './scripts.js'

/** Which data set this server has: changes with each start and each failover (S6). */
export interface ServerIdentity {
  readonly runId: string
  readonly pair: string
  /** What the server calls this connection; null where it does not say. */
  readonly clientId: number | null
}

export interface ServerRules {
  readonly prefix: string
  readonly allowEviction: boolean
}

const sent = ['EVALSHA', 'GET', 'INFO', 'PTTL', 'PUBLISH', 'SADD', 'SCRIPT', 'SET', 'SISMEMBER', 'SMEMBERS']
const called = Object.values(scripts).flatMap(({ text }) =>
  Array.from(text.matchAll(/\bcall\('([A-Z]+)'/g), ([, command]) => command as string),
)
/** All that the store sends and its scripts call. */
const commands = [...new Set([...sent, ...called])]

/**
 * Whether this server can be relied on. Throws `option_invalid` or `store_newer` for what waiting does not change, and
 * `store_unavailable` for what it may.
 */
export async function checkServer(
  connection: GuardedConnection,
  rules: ServerRules,
  previous: ServerIdentity | null,
): Promise<ServerIdentity> {
  // Alone: a server that wants a password first ends the connection at the next, longer command.
  const info = await readInfo(connection)
  checkInfo(info, rules)
  // All at once, so that coming back takes three turns of the network, and not twenty.
  const asked = await Promise.allSettled([
    connection.send('COMMAND', ['INFO', ...commands]),
    connection.send('GET', [formatKey(rules.prefix)]),
    connection.send('CLIENT', ['ID']),
    Promise.all(Object.values(scripts).map(({ text }) => connection.send('SCRIPT', ['LOAD', text]))),
  ])
  checkCommands(answerIfAllowed(asked[0]))
  const found = word(answer(asked[1]))
  if (found !== '' && majorOf(found) !== majorOf(format)) throw newer(found)
  const id = answerIfAllowed(asked[2])
  answer(asked[3])
  await Promise.all([
    found === '' && connection.send('SET', [formatKey(rules.prefix), format, 'NX']),
    previous?.clientId && previous.runId === info.get('run_id') && endPrevious(connection, previous.clientId),
  ])
  return identityOf(info, typeof id === 'number' ? id : null)
}

function checkInfo(info: ReadonlyMap<string, string>, rules: ServerRules): void {
  const version = info.get('redis_version') ?? '0'
  if (Number.parseInt(version, 10) < 7) {
    throw refused(`Redis ${version} is too old: the store needs 7.0 or newer, or Valkey.`, 'url')
  }
  if (info.get('loading') === '1') throw away('Redis is loading its data set.')
  // A replica takes no writes, and what it shows is late.
  if (info.get('role') !== 'master') {
    throw refused('This Redis is a replica: connect to the primary, or by Sentinel.', 'url')
  }
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction' && !rules.allowEviction) {
    throw refused(
      `maxmemory-policy is "${policy}": Redis may throw away kept events when its memory is full. Set it to noeviction, or pass allowEviction: true.`,
      'allowEviction',
    )
  }
}

function answer<Value>(asked: PromiseSettledResult<Value>): Value {
  if (asked.status === 'rejected') throw asked.reason
  return asked.value
}

/** Not every account may ask everything; then it goes without. */
function answerIfAllowed(asked: PromiseSettledResult<Reply>): Reply {
  return asked.status === 'rejected' && asked.reason instanceof RedisRefusal ? null : answer(asked)
}

/**
 * What was sent on the connection before and never answered may still lie before the server, or come in late when the
 * network does: it must not be carried out after it has been sent again. The number is this server's, and never used twice.
 */
async function endPrevious(connection: GuardedConnection, clientId: number): Promise<void> {
  await connection.send('CLIENT', ['KILL', 'ID', String(clientId)]).catch((error: unknown) => {
    if (!(error instanceof RedisRefusal)) throw error
  })
}

export async function readIdentity(connection: GuardedConnection): Promise<ServerIdentity> {
  return identityOf(await readInfo(connection), null)
}

function identityOf(info: ReadonlyMap<string, string>, clientId: number | null): ServerIdentity {
  const runId = info.get('run_id') ?? ''
  return { runId, pair: `${runId}:${info.get('master_replid') ?? ''}`, clientId }
}

async function readInfo(connection: GuardedConnection): Promise<ReadonlyMap<string, string>> {
  const text = word(await connection.send('INFO', []))
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    }),
  )
}

/** Where it is not told, a missing command shows with the first call that needs it. */
function checkCommands(told: Reply): void {
  const missing = told === null ? [] : commands.filter((_, at) => list(told)[at] === null)
  if (missing.length > 0) throw refused(`This server lacks ${missing.join(', ')}, which the store needs.`, 'url')
}

const majorOf = (text: string): number => Number.parseInt(text, 10)

export function newer(found: string): TidingsError {
  return new TidingsError(
    'store_newer',
    `What is kept in this Redis has format ${found}; this version of Tidings reads ${majorOf(format)}.x. Update Tidings, or use another prefix.`,
  )
}

function refused(message: string, field: string): TidingsError {
  return new TidingsError('option_invalid', message, { field })
}

export function away(message: string): TidingsError {
  return new TidingsError('store_unavailable', message, { retryAfterMs: 1_000 })
}
