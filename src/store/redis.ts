import { TidingsError } from '../errors.js'
import { randomToken, systemRandom } from '../random.js'
import { systemClock } from '../clock.js'
import { coarseIntervalMs } from './coarse-clock.js'
import { decodeState } from './redis/append-request.js'
import { encodeTold } from './redis/content.js'
import { failure } from './redis/failures.js'
import { Feed } from './redis/feed.js'
import { RedisHoldings } from './redis/holdings.js'
import { ioredisPort } from './redis/ioredis.js'
import { Link, type LinkSettings } from './redis/link.js'
import { Namespaces } from './redis/namespaces.js'
import { checkRedisOptions, type RedisStoreOptions } from './redis/options.js'
import { policyOf } from './redis/policy.js'
import { list, type Reply, word } from './redis/port.js'
import { decodeRead } from './redis/read-reply.js'
import { type Script, scripts } from './redis/scripts.js'
import { Sweeps } from './redis/sweeps.js'
import { cursorOf, decodeTopic, mostLooked } from './redis/topic-list.js'
import { resolveStoreLimits } from './retention.js'
import type { Store } from './store.js'

export type { IoredisClient } from './redis/ioredis.js'
export type { RedisStoreOptions }

/**
 * Keeps events in Redis (7.0 or newer) or Valkey, for any number of hub nodes. As durable as that Redis: what it loses
 * after acknowledging is announced as a gap (`lost`), and no number is used twice (S6).
 *
 * Of an address alone, `redisStore('redis://…')`, the rest is by default.
 *
 * Throws `option_invalid`. `open` rejects with `option_invalid` for what waiting does not change (credentials, version, an
 * evicting policy, a replica) and with `store_newer`; where Redis cannot be reached it resolves, and `availability` tells.
 * Methods reject with `store_unavailable` while Redis is away, `indeterminate` where an answer was lost, `store_full` and
 * `store_read_only` where Redis takes no writes: then nothing was done.
 */
export function redisStore(urlOrOptions: string | RedisStoreOptions): Store {
  const options = typeof urlOrOptions === 'string' ? { url: urlOrOptions } : urlOrOptions
  checkRedisOptions(options)
  const { clock, random = systemRandom, prefix = 'tidings:' } = options
  const { retention, quotaBytes, idWindow } = resolveStoreLimits(options)
  const { ageMs, personalAgeMs } = retention
  const coarseMs = coarseIntervalMs(Math.min(ageMs, personalAgeMs))
  const appendLimits = [retention.events, retention.bytes, ageMs, personalAgeMs, coarseMs, quotaBytes, idWindow.ids]
  const limits = [...appendLimits, idWindow.ageMs].map(String)
  const node = randomToken(random, 12)

  const settings: LinkSettings = {
    port: ioredisPort(options),
    clock: systemClock,
    random,
    prefix,
    connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
    commandTimeoutMs: options.commandTimeoutMs ?? 5_000,
    probeMs: options.probeMs ?? 5_000,
    allowEviction: options.allowEviction ?? false,
    onError: options.onError ?? (() => undefined),
    onDamage: options.onError ?? ((error) => process.emitWarning(error)),
    now: clock ? () => String(clock.now()) : () => '',
  }
  let runId = ''
  const link = new Link(settings, {
    up(server) {
      namespaces.forgetFences()
      if (runId !== '' && runId !== server.runId) feed.reconnect('Redis is another one than before.')
      runId = server.runId
      feed.revive()
    },
    down() {
      namespaces.forgetFences()
      namespaces.refuseWaiting(link.refusal())
    },
  })
  const feed = new Feed({ ...settings, node, ask: (namespace) => namespace.run(scripts.probe) })
  const namespaces = new Namespaces(link, settings, { limits, quotaBytes }, (namespace) => feed.follows(namespace))
  const sweeps = new Sweeps(link, settings, namespaces)
  const holdings = new RedisHoldings(link, prefix, { namespaces, sweeps }, { quotaBytes, idWindow })
  let state: 'new' | 'open' | 'closed' = 'new'

  /** Every method: it rejects where the store is not open, and with a failure of ours in place of Redis's. */
  const attempt = async <Result>(step: () => Promise<Result>, changes = false): Promise<Result> => {
    if (state === 'new')
      throw new TidingsError('closed', 'The Redis store is not open yet: call open() and wait for it.')
    if (state === 'closed') throw new TidingsError('closed', 'The store is closed.')
    try {
      return await step()
    } catch (error) {
      throw failure(error, changes)
    }
  }
  const run = (name: string, script: Script, ...args: readonly (string | number)[]): Promise<readonly Reply[]> =>
    attempt(async () => list(await namespaces.find(name).namespace.run(script, args)), script === scripts.erase)
  const position = (epoch: Reply | undefined, seq: Reply | undefined) => ({ epoch: word(epoch), seq: Number(seq) })

  return {
    kind: 'redis',
    availability: link,
    policy: { facts: () => attempt(async () => await policyOf(link)) },
    holdings: {
      of: (namespace) => attempt(async () => await holdings.of(namespace)),
      ofAll: (query) => attempt(async () => await holdings.ofAll(query)),
    },
    others: {
      tell: (name, text) =>
        attempt(async () => {
          const { channel } = namespaces.find(name).namespace
          await link.send('PUBLISH', [channel, encodeTold(node, text)])
        }),
    },
    async open() {
      if (state !== 'new') throw new TidingsError('closed', 'The Redis store is open or was closed: make another.')
      state = 'open'
      await link.open().catch((error: unknown) => {
        state = 'closed'
        throw error
      })
    },
    append: (namespace, append) =>
      // Every publish comes through here: no promise more than need be.
      state === 'open' && link.available
        ? namespaces.find(namespace).appender.append(append)
        : attempt(async () => await namespaces.find(namespace).appender.append(append)),
    async read(namespace, { topics, after, limit, maxBytes }) {
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
    follow: (name, follower) =>
      attempt(async () => {
        const { namespace } = namespaces.find(name)
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
      }),
    probe: (namespace) => attempt(() => feed.probe(namespaces.find(namespace).namespace)),
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
    async topics(namespace, { limit, after = '0', contains = '' }) {
      const [epoch, next, found] = await run(namespace, scripts.topics, limit, cursorOf(after), contains, mostLooked)
      return { topics: list(found).map(decodeTopic), epoch: word(epoch), ...(word(next) && { next: word(next) }) }
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
    due: ({ limit, pauseMs }) => attempt(() => sweeps.due(limit, pauseMs)),
    maintain: () => attempt(() => sweeps.maintain([coarseMs, ageMs, personalAgeMs, idWindow.ids, idWindow.ageMs])),
    async close() {
      if (state === 'closed') return
      state = 'closed'
      if (link.available) await namespaces.settled()
      feed.close()
      link.close()
    },
  }
}
