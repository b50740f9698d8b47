import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { Clock } from '#src/clock.js'
import type { GapReason } from '#src/protocol/control.js'
import { type Random, randomToken } from '#src/random.js'
import { coarseIntervalMs } from '#src/store/coarse-clock.js'
import { eventBytes } from '#src/store/event-size.js'
import { resolveStoreLimits, type StoreLimits } from '#src/store/retention.js'
import type { Announcement, AppendResult, Follower, NewEvent, State, Store, StoredEvent } from '#src/store/store.js'

/**
 * A store over the scripts of docs/decisions/redis-trial, with nothing but what it takes to put them through the public
 * suite: no reconnecting, no fencing, no settings. The store for production is not this.
 */
const folder = new URL('../../docs/decisions/redis-trial/', import.meta.url)
const source = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8')
const names = ['append', 'read', 'head', 'position-at', 'probe', 'state', 'states', 'due', 'describe', 'erase']
const scripts = new Map([...names, 'id-window', 'maintain'].map((name) => [name, `${source('lib')}\n${source(name)}`]))
const hashes = new Map([...scripts].map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]))

/** Above this an announcement names the event only: pub/sub buffers are per subscriber, and bounded. */
const announcedBytes = 8 * 1024

type Reply = string | readonly Reply[]
const list = (reply: Reply | undefined): readonly Reply[] => (Array.isArray(reply) ? (reply as readonly Reply[]) : [])
const word = (reply: Reply | undefined): string => (typeof reply === 'string' ? reply : '')
const words = (reply: Reply | undefined): string[] => list(reply).map(word)

export function redisTrialStore(options: StoreLimits & { socket: string; clock: Clock; random: Random }): Store {
  const { clock, random } = options
  const { retention, quotaBytes, idWindow } = resolveStoreLimits(options)
  const coarseMs = coarseIntervalMs(Math.min(retention.ageMs, retention.personalAgeMs))
  const limits = JSON.stringify({
    events: retention.events,
    bytes: retention.bytes,
    ageMs: { plain: retention.ageMs, personal: retention.personalAgeMs },
    coarseMs,
    quotaBytes,
    ids: idWindow.ids,
    idAgeMs: idWindow.ageMs,
  })
  const redis = new Redis({ path: options.socket, lazyConnect: true })
  const subscriber = new Redis({ path: options.socket, lazyConnect: true })
  const followers = new Map<string, Set<Follower>>()
  const namespaces = new Set<string>()

  const baseOf = (namespace: string): string =>
    `tidings:{${createHash('sha256').update(namespace).digest('hex').slice(0, 16)}}`
  const run = async (name: string, namespace: string, ...args: (string | number)[]): Promise<Reply> => {
    namespaces.add(namespace)
    const hash = hashes.get(name) ?? ''
    return (await redis.evalsha(hash, 1, baseOf(namespace), randomToken(random, 12), clock.now(), ...args)) as Reply
  }
  const position = (epoch: Reply | undefined, seq: Reply | undefined) => ({ epoch: word(epoch), seq: Number(seq) })
  const toState = (reply: Reply | undefined): State | null => {
    const [topic = '', version = '0', value = ''] = words(reply)
    return version === '0' ? null : { topic, version: Number(version), value }
  }

  subscriber.on('message', (channel: string, message: string) => {
    for (const follower of followers.get(channel) ?? []) {
      if (message.startsWith('probe ')) follower.probed(position(message.split(' ')[1], message.split(' ')[2]))
      else follower.announced(message.split('\n').map(toAnnouncement))
    }
  })

  return {
    kind: 'redis trial',
    async open() {
      await Promise.all([redis.connect(), subscriber.connect()])
      await Promise.all([...scripts.values()].map((text) => redis.script('LOAD', text)))
    },
    async append(namespace, { commands = [], events, states = [], exempt = false }): Promise<AppendResult> {
      const reply = list(
        await run(
          'append',
          namespace,
          limits,
          exempt ? 1 : 0,
          commands.length,
          events.length,
          states.length,
          ...commands.flatMap(({ id, digest }) => [id, digest]),
          ...events.flatMap(eventArguments),
          ...states.flatMap(({ topic, expect, value, group = '', deadline }) => [
            ...[topic, expect, value === null ? 0 : 1, value ?? '', group],
            ...[deadline?.afterMs ?? '', deadline?.lease ? 1 : 0],
          ]),
        ),
      )
      const [outcome, second, third, timestamp] = words(reply)
      if (outcome === 'repeated') return { outcome, ids: words(reply).slice(1) }
      if (outcome === 'reused') return { outcome, id: second ?? '' }
      if (outcome === 'quota') return { outcome, keptBytes: Number(second), quotaBytes }
      const at = { upTo: position(second, third), timestamp: Number(timestamp) }
      const rest = list(reply[4])
      if (outcome === 'conflict') return { outcome, states: rest.map((one) => ({ state: toState(one), ...at })) }
      const answers = rest.map((answer, index) => {
        const [seq, duplicate] = words(answer)
        return { id: events[index]?.id ?? '', seq: Number(seq), duplicate: duplicate === '1' }
      })
      return { outcome: 'stored', position: at.upTo, timestamp: at.timestamp, events: answers }
    },
    async read(namespace, { topics, after, limit, maxBytes }) {
      const [epoch, seq] = after === 'start' ? ['', 0] : [after.epoch, after.seq]
      const reply = list(await run('read', namespace, epoch, seq, limit, maxBytes, ...new Set(topics)))
      const byReason = new Map<GapReason, string[]>()
      for (const gap of list(reply[4])) {
        const [reason, topic = ''] = words(gap) as [GapReason, string]
        byReason.set(reason, [...(byReason.get(reason) ?? []), topic])
      }
      return {
        events: list(reply[5]).map((one) => toStored(words(one))),
        from: position(reply[0], reply[1]),
        upTo: position(reply[0], reply[2]),
        more: reply[3] === '1',
        gaps: [...byReason].map(([reason, those]) => ({ reason, topics: those })),
      }
    },
    async head(namespace) {
      const [epoch, seq] = words(await run('head', namespace))
      return position(epoch, seq)
    },
    async positionAt(namespace, timestampMs) {
      const [epoch, seq] = words(await run('position-at', namespace, timestampMs))
      return position(epoch, seq)
    },
    async follow(namespace, follower) {
      const channel = `${baseOf(namespace)}:feed`
      await subscriber.subscribe(channel)
      const head = words(await run('head', namespace))
      const those = followers.get(channel) ?? new Set()
      followers.set(channel, those.add(follower))
      // Whatever is published after the head was read comes after it here, too.
      const after = position(head[0], head[1])
      return { position: after, close: () => void those.delete(follower) }
    },
    async probe(namespace) {
      await run('probe', namespace)
    },
    async state(namespace, topic) {
      const [epoch, seq, timestamp, state] = list(await run('state', namespace, topic))
      return { state: toState(state), upTo: position(epoch, seq), timestamp: Number(timestamp) }
    },
    async states(namespace, { group = '', limit, after = '' }) {
      const [epoch, seq, next, found] = list(await run('states', namespace, group, limit, after))
      const states = list(found).flatMap((one) => toState(one) ?? [])
      return { states, upTo: position(epoch, seq), ...(word(next) && { next: word(next) }) }
    },
    async idWindow(namespace) {
      const [ids, oldestAgeMs] = words(await run('id-window', namespace))
      return { ids: Number(ids), oldestAgeMs: Number(oldestAgeMs) }
    },
    async maintain() {
      for (const namespace of namespaces) while (Number(await run('maintain', namespace, limits, 100)) === 100);
    },
    async describe(namespace, topic) {
      const [epoch = '', first, last, count, bytes] = words(await run('describe', namespace, topic))
      const orNull = (seq: string | undefined): number | null => (seq ? Number(seq) : null)
      return { first: orNull(first), last: orNull(last), count: Number(count), bytes: Number(bytes), epoch }
    },
    async erase(namespace, topic) {
      await run('erase', namespace, topic)
    },
    async due({ limit, pauseMs }) {
      const due = await Promise.all(
        [...namespaces].map(async (namespace) =>
          list(await run('due', namespace, limit, pauseMs)).map((one) => {
            const [dueMs, topic = '', version, value = ''] = words(one)
            return { dueMs: Number(dueMs), state: { namespace, topic, version: Number(version), value } }
          }),
        ),
      )
      const sorted = due.flat().sort((one, other) => one.dueMs - other.dueMs)
      return sorted.slice(0, limit).map(({ state }) => state)
    },
    async close() {
      await Promise.all([redis.quit(), subscriber.quit()])
    },
  }
}

/** What the script does not look at is one opaque text, so that Lua never decodes or encodes it. */
function eventArguments(event: NewEvent): (string | number)[] {
  const { digest, topics, ...rest } = event
  const distinct = [...new Set(topics)]
  const content = JSON.stringify({ ...rest, topics: distinct })
  const bytes = eventBytes(event)
  const announced = bytes > announcedBytes ? JSON.stringify({ topics: distinct }) : ''
  return [event.id, digest, bytes, content, announced, distinct.length, ...distinct]
}

function toStored([seq, timestamp, content = '']: readonly string[]): StoredEvent {
  return { ...(JSON.parse(content) as StoredEvent), seq: Number(seq), timestamp: Number(timestamp) }
}

function toAnnouncement(line: string): Announcement {
  const [epoch = '', seq, prev, timestamp] = line.split(' ', 4)
  const content = line.slice(`${epoch} ${seq} ${prev} ${timestamp} `.length)
  const event = toStored([seq ?? '', timestamp ?? '', content])
  const head = { epoch, seq: Number(seq), prev: Number(prev), topics: event.topics }
  return event.id === undefined ? head : { ...head, event }
}
