import type { KeptTopic, TopicPage, TopicQuery } from '../store.js'
import type { Database } from './driver.js'
import type { Ledger, NamespaceRecord } from './ledger.js'

/** Rows looked at in one go: appends wait for the same thread. */
const mostRows = 10_000

/** Topics by name. */
export class TopicList {
  readonly #ledger: Ledger
  readonly #selectEnd
  readonly #selectPage

  constructor(database: Database, ledger: Ledger) {
    this.#ledger = ledger
    this.#selectEnd = database.prepare(
      'SELECT name FROM topics WHERE namespace = ? AND name > ? ORDER BY name LIMIT 1 OFFSET ?',
    )
    this.#selectPage = database.prepare(
      'SELECT name AS topic, first, last, count, bytes FROM topics WHERE namespace = ? AND name > ? AND (? IS NULL OR name <= ?) ' +
        "AND count > 0 AND (? = '' OR instr(name, ?) > 0) ORDER BY name LIMIT ?",
    )
  }

  page({ namespace, epoch }: NamespaceRecord, { limit, after = '', contains = '' }: TopicQuery): TopicPage {
    this.#ledger.flush()
    const found = this.#selectEnd.get(namespace, after, mostRows - 1) as { name: string } | undefined
    const end = found?.name ?? null
    const rows = this.#selectPage.all(namespace, after, end, end, contains, contains, limit)
    // A row of the driver has no prototype.
    const topics = (rows as KeptTopic[]).map((row) => ({ ...row }))
    const next = topics.length === limit ? (topics.at(-1)?.topic ?? null) : end
    return { topics, epoch, ...(next !== null && { next }) }
  }
}
