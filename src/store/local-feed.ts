import type { Position } from '../protocol/cursor.js'
import type { Announcement, Follower, Following } from './store.js'

type Notice = Announcement | { readonly probe: Position }

/** As `queueMicrotask`, which in Node makes a resource for hooks of each call: 2 µs of a publish. */
const turnOver = Promise.resolve()

/**
 * The feed of one namespace within one process. What is announced in one turn reaches the followers together, after the
 * turn: an append never runs its readers' code, and a burst is one call each.
 */
export class LocalFeed {
  readonly #followers = new Set<{ readonly follower: Follower; readonly afterSeq: number }>()
  #notices: Notice[] = []

  get followers(): number {
    return this.#followers.size
  }

  /** `position` is the last of the namespace: what is on its way already is not for this follower. */
  follow(follower: Follower, position: Position): Following {
    const entry = { follower, afterSeq: position.seq }
    this.#followers.add(entry)
    return { position, close: () => void this.#followers.delete(entry) }
  }

  announce(announcement: Announcement): void {
    if (this.#followers.size > 0) this.#post(announcement)
  }

  probe(position: Position): void {
    this.#post({ probe: position })
  }

  /** What announces to this feed is gone: nobody knows what was stored last. */
  interrupt(): void {
    for (const { follower } of this.#followers) follower.interrupted()
  }

  close(): void {
    this.#followers.clear()
  }

  #post(notice: Notice): void {
    if (this.#notices.push(notice) === 1) void turnOver.then(() => this.#deliver())
  }

  #deliver(): void {
    const notices = this.#notices
    this.#notices = []
    let run: Announcement[] = []
    for (const notice of notices) {
      if (!('probe' in notice)) {
        run.push(notice)
        continue
      }
      this.#tell(run)
      run = []
      for (const { follower } of this.#followers) follower.probed(notice.probe)
    }
    this.#tell(run)
  }

  #tell(run: readonly Announcement[]): void {
    const first = run[0]
    if (!first) return
    for (const { follower, afterSeq } of this.#followers) {
      const theirs = first.seq > afterSeq ? run : run.filter(({ seq }) => seq > afterSeq)
      if (theirs.length > 0) follower.announced(theirs)
    }
  }
}
