import { type Clock, systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Random, randomToken, systemRandom } from '../random.js'
import { coarseIntervalMs } from './coarse-clock.js'
import { resolveStoreLimits, type StoreLimits } from './retention.js'
import { Appender } from './redis/appender.js'
import { decodeState } from './redis/append-request.js'
import { encodeTold } from './redis/content.js'
import { failure } from './redis/failures.js'
import { Feed } from './redis/feed.js'
import { type IoredisClient, ioredisPort } from './redis/ioredis.js'
import { namespacesKey } from './redis/keys.js'
import { Link, type LinkSettings } from './redis/link.js'
import { RedisNamespace } from './redis/namespace.js'
import { list, type Reply, word } from './redis/port.js'
import { decodeRead } from './redis/read-reply.js'
import { checkRedisOptions } from './redis/options.js'
import { type Script, scripts } from './redis/scripts.js'
import type { DueState, Store } from './store.js'

export interface RedisStoreOptions extends StoreLimits {
  /** `redis://`, `rediss://` (TLS) or `unix:` address, with user name, password and database if need be. Needs ioredis 6. */
  readonly url?: string
  /** An ioredis client of yours, in place of `url`. It is duplicated for each connection, and never used, changed or closed. */
  readonly client?: IoredisClient
  /** What every key and channel begins with. Default `tidings:`. */
  readonly prefix?: string
  /** Number of the database. Default: what `url` or `client` says, else 0. */
  readonly database?: number
  readonly username?: string
  readonly password?: string
  /** Options of `tls.connect`: certificates, server name. Default: what `url` or `client` says. */
  readonly tls?: object
  /** A command that is not answered for this long ends the connection: it is taken for dead. Default 5,000. */
  readonly commandTimeoutMs?: number
  /** How long an attempt to connect, and `open()` while Redis cannot be reached, may take. Default 3,000. */
  readonly connectTimeoutMs?: number
  /** A followed namespace that says nothing for this long is asked whether it is still heard (D7). Default 5,000. */
  readonly probeMs?: number
  /** Start although `maxmemory-policy` lets Redis throw away kept events. Default false: `open()` rejects. */
  readonly allowEviction?: boolean
  /** Called with every failed attempt to connect. Default: nothing; `availability.reason` tells the last one. */
  readonly onError?: (error: Error) => void
  /** For tests: its time is used in place of Redis's own, and its timers. */
  readonly clock?: Clock
  readonly random?: Random
}

/**
 * Keeps events in Redis (7.0 or newer) or Valkey, for any number of hub nodes. As durable as that Redis: what it loses
 * after acknowledging is announced as a gap (`lost`), and no number is used twice (S6).
 *
 * Throws `option_invalid`. `open` rejects with `option_invalid` for what waiting does not change (credentials, version, an
 * evicting policy, a replica) and with `store_newer`; where Redis cannot be reached it resolves, and `availability` tells.
 * Methods reject with `store_unavailable` while Redis is away, `indeterminate` where an answer was lost, `store_full` and
 * `store_read_only` where Redis takes no writes: then nothing was done.
 */
export function redisStore(options: RedisStoreOptions): Store {
  const { clock = systemClock, random = systemRandom } = options
  const { prefix = 'tidings:', probeMs = 5_000, commandTimeoutMs = 5_000, connectTimeoutMs = 3_000 } = options
  const { retention, quotaBytes, idWindow } = resolveStoreLimits(options)
  checkRedisOptions(options)
  const node = randomToken(random, 12)
  const coarseMs = coarseIntervalMs(Math.min(retention.ageMs, retention.personalAgeMs))
  const { ageMs, personalAgeMs } = retention
  const appendLimits = [retention.events, retention.bytes, ageMs, personalAgeMs, coarseMs, quotaBytes, idWindow.ids]
  const limits = [...appendLimits, idWindow.ageMs].map(String)

  const settings: LinkSettings = {
    port: ioredisPort(options),
    clock,
    random,
    prefix,
    connectTimeoutMs,
    commandTimeoutMs,
    allowEviction: options.allowEviction ?? false,
    onError: options.onError ?? (() => undefined),
    now: options.clock ? () => String(clock.now()) : () => '',
  }
  const namespaces = new Map<string, { readonly namespace: RedisNamespace; readonly appender: Appender }>()
  let runId = ''
  const link = new Link(settings, {
    up(server) {
      for (const { namespace } of namespaces.values()) namespace.forgetFence()
      if (runId !== '' && runId !== server.runId) feed.reconnect('Redis is another one now.')
      runId = server.runId
      feed.revive((namespace) => namespace.run(scripts.probe))
    },
    down() {
      for (const { namespace, appender } of namespaces.values()) {
        namespace.forgetFence()
        appender.away(link.refusal())
      }
    },
  })
  const feed = new Feed({ ...settings, probeMs, node })
  let state: 'new' | 'open' | 'closed' = 'new'

  const find = (name: string) => {
    if (state !== 'open')
      throw new TidingsError('closed', `The Redis store is ${state === 'new' ? 'not open yet' : 'closed'}.`)
    if (!link.available) throw link.refusal()
    let found = namespaces.get(name)
    if (!found) {
      const namespace = new RedisNamespace(name, link, settings)
      found = { namespace, appender: new Appender(namespace, link, limits, quotaBytes) }
      namespaces.set(name, found)
    }
    return found
  }
  const run = async (
    name: string,
    script: Script,
    ...args: readonly (string | number)[]
  ): Promise<readonly Reply[]> => {
    try {
      const { namespace } = find(name)
      return list(await namespace.run(script, args))
    } catch (error) {
      throw failure(error, script === scripts.erase)
    }
  }
  const allNamespaces = async (): Promise<string[]> => {
    find('')
    return list(await link.send('SMEMBERS', [namespacesKey(prefix)])).map(word)
  }
  const position = (epoch: Reply | undefined, seq: Reply | undefined) => ({ epoch: word(epoch), seq: Number(seq) })

  return {
    kind: 'redis',
    availability: link,
    others: {
      async tell(namespace, text) {
        try {
          await link.send('PUBLISH', [find(namespace).namespace.channel, encodeTold(node, text)])
        } catch (error) {
          throw failure(error, false)
        }
      },
    },
    async open() {
      if (state !== 'new') throw new TidingsError('closed', 'The Redis store is open or was closed: make another.')
      state = 'open'
      await link.open().catch((error: unknown) => {
        state = 'closed'
        throw error
      })
    },
    append: async (namespace, append) => await find(namespace).appender.append(append),
    async read(namespace, query) {
      const { topics, after, limit, maxBytes } = query
      const distinct = [...new Set(topics)]
      const [epoch, seq] = after === 'start' ? ['', 0] : [after.epoch, after.seq]
      return decodeRead(distinct, await run(namespace, scripts.read, epoch, seq, limit, maxBytes, ...distinct))
    },
    async head(namespace) {
      const [epoch, seq] = await run(namespace, scripts.head)
      return position(epoch, seq)
    },
    async positionAt(namespace, timestampMs) {
      const [epoch, seq] = await run(namespace, scripts.positionAt, timestampMs)
      return position(epoch, seq)
    },
    async follow(name, follower) {
      try {
        const { namespace } = find(name)
        // First, so that what the fence says of the namespace is not the first thing that the follower hears.
        await namespace.makeFence()
        const close = await feed.join(namespace, follower)
        try {
          // Whatever is published after this was read comes after it here, too.
          const [epoch, seq] = list(await namespace.run(scripts.head))
          return { position: position(epoch, seq), close }
        } catch (error) {
          close()
          throw error
        }
      } catch (error) {
        throw failure(error, false)
      }
    },
    async probe(name) {
      try {
        const { namespace } = find(name)
        await feed.probe(namespace, () => namespace.run(scripts.probe))
      } catch (error) {
        throw failure(error, false)
      }
    },
    async state(namespace, topic) {
      const [epoch, seq, timestamp, found] = await run(namespace, scripts.state, topic)
      return { state: decodeState(found), upTo: position(epoch, seq), timestamp: Number(timestamp) }
    },
    async states(namespace, { group = '', limit, after = '' }) {
      const [epoch, seq, next, found] = await run(namespace, scripts.states, group, limit, after)
      const states = list(found).flatMap((one) => decodeState(one) ?? [])
      return { states, upTo: position(epoch, seq), ...(word(next) && { next: word(next) }) }
    },
    async idWindow(namespace) {
      const [ids, oldestAgeMs] = await run(namespace, scripts.idWindow)
      return { ids: Number(ids), oldestAgeMs: Number(oldestAgeMs) }
    },
    async describe(namespace, topic) {
      const [epoch, first, last, count, bytes] = await run(namespace, scripts.describe, topic)
      const orNull = (seq: Reply | undefined): number | null => Number(seq) || null
      return {
        first: orNull(first),
        last: orNull(last),
        count: Number(count),
        bytes: Number(bytes),
        epoch: word(epoch),
      }
    },
    async erase(namespace, topic) {
      await run(namespace, scripts.erase, topic)
    },
    async due({ limit, pauseMs }) {
      try {
        const names = await allNamespaces()
        const found = await Promise.all(
          names.map(async (namespace) =>
            list(await find(namespace).namespace.run(scripts.due, [limit, pauseMs])).flatMap((one) => {
              const [dueMs, ...rest] = list(one)
              const overdue = decodeState(rest)
              return overdue ? [{ dueMs: Number(dueMs), state: { namespace, ...overdue } satisfies DueState }] : []
            }),
          ),
        )
        const sorted = found.flat().sort((one, other) => one.dueMs - other.dueMs)
        return sorted.slice(0, limit).map((one) => one.state)
      } catch (error) {
        throw failure(error, false)
      }
    },
    async maintain() {
      const portion = 100
      try {
        for (const name of await allNamespaces()) {
          const args = [coarseMs, ageMs, personalAgeMs, idWindow.ids, idWindow.ageMs, portion]
          while (Number(await find(name).namespace.run(scripts.maintain, args)) === portion);
        }
      } catch (error) {
        throw failure(error, false)
      }
    },
    async close() {
      if (state === 'closed') return
      state = 'closed'
      if (link.available) await Promise.all([...namespaces.values()].map(({ appender }) => appender.settled()))
      feed.close()
      link.close()
      namespaces.clear()
    },
  }
}
