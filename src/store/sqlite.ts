import { resolve } from 'node:path'
import { type Clock, systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Random, randomToken, systemRandom } from '../random.js'
import { LocalFeed } from './local-feed.js'
import { resolveStoreLimits, type StoreLimits } from './retention.js'
import { eventsOf } from './sqlite/page.js'
import type { CorruptRow } from './sqlite/requests.js'
import { SqliteThread } from './sqlite/thread.js'
import type { Append, AppendResult, Store } from './store.js'
import { storedEvent } from './stored-event.js'

export interface SqliteStoreOptions extends StoreLimits {
  /**
   * Give every namespace of the file a new epoch at open: for a copy restored from a backup, whose next numbers readers
   * have seen on other events. All cursors of before are answered by a gap (`epoch`, D4). Default false.
   */
  readonly newEpoch?: boolean
  /**
   * `full` (default): an acknowledged append survives a power cut. `normal`: it survives the end of the process; a power
   * cut may take the newest, which readers who had seen them hear as a gap (`lost`).
   */
  readonly synchronous?: 'full' | 'normal'
  /** Called for each kept event that is found damaged, at each read of it. Readers get a gap (`lost`). Default: nothing. */
  readonly onCorrupt?: (row: CorruptRow) => void
  /** Default: the platform's, as is `random`. */
  readonly clock?: Clock
  readonly random?: Random
}

export type { CorruptRow }

/**
 * Keeps events in one SQLite file, in a thread of its own: appends that are called while a commit is on its way share the
 * next one. The file has one owner process (S1); its directory is made if need be, and `<file>.lock`, `<file>.owner`,
 * `<file>-wal` and `<file>-shm` stand beside it. Needs Node 22.13 or the package `@photostructure/sqlite`.
 *
 * Throws `option_invalid`. `open` rejects with `store_locked` naming the owner, `store_newer`, `store_corrupt`,
 * `option_invalid` where SQLite is not installed, or `store_unavailable`.
 */
export function sqliteStore(file: string, options: SqliteStoreOptions = {}): Store {
  const { newEpoch = false, synchronous = 'full', onCorrupt, clock = systemClock, random = systemRandom } = options
  const limits = resolveStoreLimits(options)
  checkOptions(file, synchronous)
  const feeds = new Map<string, LocalFeed>()
  const introduced = new Set<string>()
  let thread: SqliteThread | null = null
  let closed = false

  const running = (): SqliteThread => {
    if (thread) return thread
    if (closed) throw new TidingsError('closed', 'The store is closed.')
    throw new TidingsError('closed', 'The SQLite store is not open yet: call open() and wait for it.')
  }
  // Async functions, so that a store that is not open is a rejection; each posts its request within the call, which keeps
  // the order of calls.
  const inNamespace = (namespace: string): SqliteThread => {
    const to = running()
    if (!introduced.has(namespace)) {
      introduced.add(namespace)
      to.ask({ kind: 'introduce', namespace, epoch: newToken(random) }).catch(() => introduced.delete(namespace))
    }
    return to
  }
  const feedOf = (namespace: string): LocalFeed => {
    let feed = feeds.get(namespace)
    if (!feed) feeds.set(namespace, (feed = new LocalFeed()))
    return feed
  }

  return {
    kind: 'sqlite',
    holdings: {
      of: async (namespace) => await inNamespace(namespace).ask({ kind: 'kept', namespace }),
      ofAll: async () => await running().ask({ kind: 'keptByAll' }),
    },
    policy: { facts: async () => ({ synchronous }) },
    async open() {
      if (closed || thread) throw new TidingsError('closed', 'The SQLite store is open or was closed: make another.')
      const opening = new SqliteThread({ file: resolve(file), limits, synchronous }, clock, () => {
        for (const feed of feeds.values()) feed.interrupt()
      })
      try {
        const { namespaces } = await opening.askAlone({ kind: 'open', newEpoch })
        const epochs = namespaces.map((namespace) => [namespace, newToken(random)] as const)
        if (epochs.length > 0) await opening.ask<'renewEpochs'>({ kind: 'renewEpochs', epochs })
      } catch (error) {
        await opening.terminate()
        throw error
      }
      thread = opening
    },
    async append(namespace, append) {
      return await inNamespace(namespace).ask<'append'>({ kind: 'append', namespace, append }, (result) => {
        const feed = feeds.get(namespace)
        if (feed && feed.followers > 0) announce(feed, append, result)
        return result
      })
    },
    async read(namespace, query) {
      const { page, result, corrupt } = await inNamespace(namespace).ask({ kind: 'read', namespace, query })
      if (onCorrupt) for (const row of corrupt) onCorrupt(row)
      return { ...result, events: eventsOf(page) }
    },
    head: async (namespace) => await inNamespace(namespace).ask({ kind: 'head', namespace }),
    positionAt: async (namespace, timestampMs) =>
      await inNamespace(namespace).ask({ kind: 'positionAt', namespace, timestampMs }),
    async follow(namespace, follower) {
      return await inNamespace(namespace).ask({ kind: 'head', namespace }, (position) => {
        const feed = feedOf(namespace)
        const following = feed.follow(follower, position)
        return {
          position,
          close() {
            following.close()
            if (feed.followers === 0 && feeds.get(namespace) === feed) feeds.delete(namespace)
          },
        }
      })
    },
    async probe(namespace) {
      await inNamespace(namespace).ask({ kind: 'head', namespace }, (position) => feeds.get(namespace)?.probe(position))
    },
    state: async (namespace, topic) => await inNamespace(namespace).ask({ kind: 'state', namespace, topic }),
    states: async (namespace, query) => await inNamespace(namespace).ask({ kind: 'states', namespace, query }),
    idWindow: async (namespace) => await inNamespace(namespace).ask({ kind: 'idWindow', namespace }),
    topics: async (namespace, query) => await inNamespace(namespace).ask({ kind: 'topics', namespace, query }),
    describe: async (namespace, topic) => await inNamespace(namespace).ask({ kind: 'describe', namespace, topic }),
    async erase(namespace, topic) {
      await inNamespace(namespace).ask({ kind: 'erase', namespace, topic })
    },
    due: async ({ limit, pauseMs }) => await running().ask({ kind: 'due', limit, pauseMs }),
    async maintain() {
      for (let done = false; !done; ) done = (await running().ask({ kind: 'maintain' })).done
    },
    async close() {
      const closing = thread
      closed = true
      thread = null
      if (closing) await closing.close()
      for (const feed of feeds.values()) feed.close()
      feeds.clear()
    },
  }
}

const newToken = (random: Random): string => randomToken(random, 12)

/** The events are the caller's own: only their numbers and stamp came from the thread, which leaves none out. */
function announce(feed: LocalFeed, append: Append, result: AppendResult): void {
  if (result.outcome !== 'stored') return
  const { epoch } = result.position
  for (const [at, { seq, duplicate }] of result.events.entries()) {
    const event = append.events[at]
    if (duplicate || !event) continue
    const stored = storedEvent(event, seq, result.timestamp)
    feed.announce({ epoch, seq, prev: seq - 1, topics: stored.topics, event: stored })
  }
}

function checkOptions(file: unknown, synchronous: unknown): void {
  if (typeof file !== 'string' || file === '' || file === ':memory:' || file.startsWith('file:')) {
    throw new TidingsError(
      'option_invalid',
      'sqliteStore takes the path of a file. To keep nothing, use memoryStore().',
      {
        field: 'file',
      },
    )
  }
  if (synchronous !== 'full' && synchronous !== 'normal') {
    throw new TidingsError(
      'option_invalid',
      `Option "synchronous" is "full" or "normal", not ${JSON.stringify(synchronous)}.`,
      {
        field: 'synchronous',
      },
    )
  }
}
