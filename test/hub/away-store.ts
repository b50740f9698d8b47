import { TidingsError } from '#src/errors.js'
import { memoryStore } from '#src/store/memory.js'
import type { Announcement, Append, AppendResult, Follower, Following, Store } from '#src/store/store.js'

export interface AwayStore extends Store {
  /** Cuts it off: what is under way is rejected, followers are interrupted, then it says that it is away. */
  leave(reason?: string): void
  /** It is back; with `empty`, as a Redis that lost everything: another epoch. */
  comeBack(options?: { empty?: boolean }): Promise<void>
  /**
   * What becomes of the appends from here on: carried out and answered; held unanswered and never carried out; or carried
   * out with the answer lost. Held ones are rejected as `indeterminate` by {@link leave}.
   */
  appends: 'answered' | 'lost' | 'unanswered'
  /** The next appends fail so while the store says that it is there. */
  failing: TidingsError | null
  /** Appends that were handed to the store behind, in order. */
  readonly carriedOut: { namespace: string; append: Append }[]
  /** All that was ever asked, carried out or not. */
  readonly asked: { namespace: string; append: Append }[]
  readonly told: { namespace: string; text: string }[]
  /** Says `text` as another node would. */
  say(namespace: string, text: string): void
  interrupt(): void
  /** Announces what was never appended. */
  announce(namespace: string, announcements: readonly Announcement[]): void
  /** Whether announcements and probes come through. */
  feed: boolean
  readonly followers: number
}

/** A real store behind a wire that a test cuts. */
export function awayStore({
  make = () => memoryStore({ retention: { events: 100_000 } }),
  away = false,
}: {
  make?: () => Store
  away?: boolean
} = {}): AwayStore {
  let inner = make()
  let reason: string | null = away ? 'not started' : null
  const watchers = new Set<(available: boolean) => void>()
  const held = new Set<(error: TidingsError) => void>()
  const followers = new Set<{ namespace: string; follower: Follower; following: Following | null }>()
  const gone = (): TidingsError => new TidingsError('store_unavailable', `The store is away: ${reason}.`)
  const call = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (reason !== null) throw gone()
    return await run()
  }
  const wire = async (entry: { namespace: string; follower: Follower; following: Following | null }) => {
    entry.following = await inner.follow(entry.namespace, {
      announced: (announcements) => {
        if (store.feed && reason === null) entry.follower.announced(announcements)
      },
      interrupted: () => entry.follower.interrupted(),
      probed: (position) => {
        if (store.feed && reason === null) entry.follower.probed(position)
      },
    })
    return entry.following
  }
  const tell = (available: boolean): void => {
    for (const watcher of [...watchers]) watcher(available)
  }

  const store: AwayStore = {
    kind: 'away',
    appends: 'answered',
    failing: null,
    feed: true,
    carriedOut: [],
    asked: [],
    told: [],
    availability: {
      get available() {
        return reason === null
      },
      get reason() {
        return reason
      },
      watch(changed) {
        watchers.add(changed)
        return () => void watchers.delete(changed)
      },
    },
    others: {
      tell: (namespace, text) => call(async () => void store.told.push({ namespace, text })),
    },
    leave(why = 'cut by a test') {
      for (const reject of held) reject(new TidingsError('indeterminate', 'No answer came.'))
      held.clear()
      reason = why
      for (const { follower } of followers) follower.interrupted()
      tell(false)
    },
    async comeBack({ empty = false } = {}) {
      if (empty) inner = make()
      if (empty) for (const entry of followers) await wire(entry)
      reason = null
      for (const { follower } of followers) follower.interrupted()
      tell(true)
    },
    say(namespace, text) {
      for (const entry of followers) if (entry.namespace === namespace) entry.follower.told?.(text)
    },
    interrupt() {
      for (const { follower } of followers) follower.interrupted()
    },
    announce(namespace, announcements) {
      for (const entry of followers) if (entry.namespace === namespace) entry.follower.announced(announcements)
    },
    get followers() {
      // Beside them each node hears the others.
      return [...followers].filter(({ namespace }) => namespace !== '*hub').length
    },
    open: async () => {},
    append: (namespace, append) =>
      call(async (): Promise<AppendResult> => {
        store.asked.push({ namespace, append })
        if (store.failing) throw store.failing
        const { appends } = store
        if (appends !== 'lost') {
          store.carriedOut.push({ namespace, append })
          const result = inner.append(namespace, append)
          if (appends === 'answered') return await result
          await result
        }
        return await new Promise((_, reject) => held.add(reject))
      }),
    read: (namespace, query) => call(() => inner.read(namespace, query)),
    head: (namespace) => call(() => inner.head(namespace)),
    positionAt: (namespace, timestampMs) => call(() => inner.positionAt(namespace, timestampMs)),
    follow: (namespace, follower) =>
      call(async () => {
        const entry = { namespace, follower, following: null as Following | null }
        const { position } = await wire(entry)
        followers.add(entry)
        return {
          position,
          close() {
            followers.delete(entry)
            entry.following?.close()
          },
        }
      }),
    probe: (namespace) => call(() => inner.probe(namespace)),
    state: (namespace, topic) => call(() => inner.state(namespace, topic)),
    states: (namespace, query) => call(() => inner.states(namespace, query)),
    idWindow: (namespace) => call(() => inner.idWindow(namespace)),
    topics: (namespace, query) => call(() => inner.topics(namespace, query)),
    describe: (namespace, topic) => call(() => inner.describe(namespace, topic)),
    erase: (namespace, topic) => call(() => inner.erase(namespace, topic)),
    due: (query) => call(() => inner.due(query)),
    maintain: () => call(() => inner.maintain()),
    async close() {
      await inner.close()
    },
  }
  return store
}
