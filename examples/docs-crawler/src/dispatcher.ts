import type { Crawls } from './crawls.js'
import type { Pacing } from './pacing.js'
import type { Pages, TakenPage } from './pages.js'

/** What a worker is asked to do: read a page, or count one whose worker died between reading and counting. */
export interface Task {
  readonly kind: 'read' | 'count'
  readonly page: TakenPage
}

/** Pages of dead workers become free without anybody saying so; this often somebody looks. */
const longestNapMs = 1_000

/** A page whose reading has ended this many workers is not given to another. */
const mostTakes = 4

/** Gives pages to workers: crawls take turns, so a large one does not keep a small one waiting, and hosts are paced. */
export class Dispatcher {
  readonly #crawls: Crawls
  readonly #pages: Pages
  readonly #pacing: Pacing
  readonly #sleepers = new Set<() => void>()
  #lastServed = ''

  constructor(crawls: Crawls, pages: Pages, pacing: Pacing) {
    this.#crawls = crawls
    this.#pages = pages
    this.#pacing = pacing
  }

  /** The next task, as soon as there is one; null once `signal` fires. */
  async next(signal: AbortSignal): Promise<Task | null> {
    while (!signal.aborted) {
      const found = this.#find()
      if (typeof found !== 'number') return found
      await this.#nap(found, signal)
    }
    return null
  }

  /** There may be something to do. */
  wake(): void {
    for (const awake of [...this.#sleepers]) awake()
  }

  /** A task, or how many ms to wait. */
  #find(): Task | number {
    const open = this.#crawls.open()
    const after = open.findIndex(({ id }) => id === this.#lastServed) + 1
    let napMs = longestNapMs
    for (const { id } of [...open.slice(after), ...open.slice(0, after)]) {
      const uncounted = this.#pages.takeUncounted(id)
      if (uncounted) return { kind: 'count', page: uncounted }
      const next = this.#pages.nextToRead(id)
      const waitMs = next ? this.#pacing.take(new URL(next.url).host) : longestNapMs
      const page = next && waitMs === 0 ? this.#pages.take(id, next.number) : null
      if (page) {
        this.#lastServed = id
        this.#crawls.markStarted(id)
        return page.takes > mostTakes ? this.#giveUp(page) : { kind: 'read', page }
      }
      napMs = Math.min(napMs, waitMs)
    }
    return Math.max(napMs, 1)
  }

  #giveUp(page: TakenPage): Task {
    const reason = `${mostTakes} workers began to read it and none came back`
    const failed = this.#pages.finish(page.crawl, page.number, page.takes, { state: 'failed', reason }, 0)
    return { kind: 'count', page: { ...page, ...failed } }
  }

  #nap(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const awake = (): void => {
        clearTimeout(timer)
        this.#sleepers.delete(awake)
        signal.removeEventListener('abort', awake)
        resolve()
      }
      const timer = setTimeout(awake, ms)
      this.#sleepers.add(awake)
      signal.addEventListener('abort', awake)
    })
  }
}
