import type { TidingsEvent } from 'tidings'
import { element } from './element.js'
import { timeOfDay } from './words.js'

interface Line {
  readonly at: number
  readonly level: string
  readonly message: string
}
type LogEvent = TidingsEvent<string, { readonly lines: readonly Line[] }>

/** More lines than anybody reads only cost the browser. */
const keptLines = 400

/** The log of a crawl: what the hub still keeps of it, and what it tells live. */
export class LogList {
  readonly root: HTMLElement
  readonly #crawl: string
  readonly #list = element('ol', { class: 'log' })
  readonly #scroll = element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Log lines' },
    this.#list,
  )
  readonly #seen = new Set<string>()
  #cursor = 'start'
  #isReading = false

  constructor(crawl: string) {
    this.#crawl = crawl
    this.root = element(
      'section',
      { class: 'card log-card', 'aria-label': 'Log' },
      element('header', {}, element('h2', {}, 'Log')),
      this.#scroll,
    )
  }

  /** In any order: lines stand where their number in the log puts them, once. */
  take(event: LogEvent): void {
    if (this.#seen.has(event.id)) return
    this.#seen.add(event.id)
    const atEnd = this.#scroll.scrollTop + this.#scroll.clientHeight >= this.#scroll.scrollHeight - 24
    const seq = event.seq ?? 0
    let after = this.#list.lastElementChild as HTMLElement | null
    while (after && Number(after.dataset['seq']) > seq) after = after.previousElementSibling as HTMLElement | null
    const lines = event.data.lines.map(({ at, level, message }) =>
      element(
        'li',
        { 'data-level': level, 'data-seq': seq },
        element('time', { datetime: new Date(at).toISOString() }, timeOfDay(at)),
        element('span', {}, message),
      ),
    )
    if (after) after.after(...lines)
    else this.#list.prepend(...lines)
    while (this.#list.childElementCount > keptLines) this.#list.firstElementChild?.remove()
    // Whoever has scrolled back is reading.
    if (atEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight
  }

  /** Reads what the hub keeps and this list has not read yet. */
  async read(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    try {
      for (let upToDate = false; !upToDate; ) {
        const query = new URLSearchParams({
          topic: `job:${this.#crawl}`,
          type: 'job.log',
          since: this.#cursor,
          limit: '1000',
        })
        const response = await fetch(`/tidings/events?${query}`, { headers: { Accept: 'application/json' } })
        if (response.status !== 200) break
        const poll = (await response.json()) as { events: LogEvent[]; cursor: string; upToDate: boolean }
        for (const event of poll.events) this.take(event)
        this.#cursor = poll.cursor
        upToDate = poll.upToDate
      }
    } catch {
      // The next connection reads on from here.
    } finally {
      this.#isReading = false
    }
  }
}
