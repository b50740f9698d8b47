import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inOneStep } from './database.js'
import type { Outcome } from './fetch-page.js'

type PageState = 'queued' | 'taken' | 'done' | 'failed' | 'skipped'

/** A page as people see it. */
export interface Page {
  /** 1 is the page that was given; they are read in this order. */
  readonly number: number
  readonly url: string
  readonly depth: number
  readonly state: PageState
  readonly title: string | null
  /** Why it failed or was skipped. */
  readonly reason: string | null
  readonly bytes: number | null
  /** How long it took to read. */
  readonly ms: number | null
  /** Pages that were first found on this one. */
  readonly found: number
}

/** A page in a worker's hands. `takes` tells this take from earlier and later ones. */
export interface TakenPage extends Page {
  readonly crawl: string
  readonly takes: number
}

export interface Statistics {
  readonly discovered: number
  readonly processed: number
  readonly failed: number
  readonly skipped: number
  /** Of HTML read. */
  readonly bytes: number
  readonly deepest: number
  readonly averageMs: number
  readonly slowest: { readonly url: string; readonly ms: number } | null
}

const shown = 'number, url, depth, state, title, reason, bytes, ms, found'
const held = 'crawl = ? and number = ? and takes = ?'

/** The rows of pages: queued → taken → done | failed | skipped → counted. */
export class Pages {
  readonly #database: DatabaseSync
  readonly #takenMs: number
  readonly #now: () => number
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, takenMs: number, now: () => number = Date.now) {
    this.#database = database
    this.#takenMs = takenMs
    this.#now = now
  }

  /** The first page of a crawl. */
  seed(crawl: string, url: string): void {
    this.#run(
      'insert into pages (crawl, number, url, depth, state, change) values (?, 1, ?, 0, ?, ?)',
      crawl,
      url,
      'queued',
      this.#change(crawl),
    )
  }

  /** The next page to read: the oldest that is queued, or that a worker took and then died. */
  nextToRead(crawl: string): Page | null {
    return this.#get<Page>(
      `select ${shown} from pages where crawl = ? and counted = 0
         and (state = 'queued' or (state = 'taken' and taken_until <= ?)) order by number limit 1`,
      crawl,
      this.#now(),
    )
  }

  /** Gives a page to a worker until `takenMs` from now. */
  take(crawl: string, number: number): TakenPage | null {
    return inOneStep(this.#database, () =>
      this.#get<TakenPage>(
        `update pages set state = 'taken', takes = takes + 1, taken_until = ?, change = ?
           where crawl = ? and number = ? and (state = 'queued' or (state = 'taken' and taken_until <= ?))
           returning crawl, takes, ${shown}`,
        this.#until(),
        this.#change(crawl),
        crawl,
        number,
        this.#now(),
      ),
    )
  }

  /** A page that was read, but whose worker died before the job counted it: it only has to be counted. */
  takeUncounted(crawl: string): TakenPage | null {
    return this.#get<TakenPage>(
      `update pages set takes = takes + 1, taken_until = ?1
         where crawl = ?2 and number = (select number from pages
           where crawl = ?2 and counted = 0 and state in ('done', 'failed', 'skipped') and taken_until <= ?3 limit 1)
         returning crawl, takes, ${shown}`,
      this.#until(),
      crawl,
      this.#now(),
    )
  }

  /** The worker is still at it. False: the page is no longer its own. */
  keep(crawl: string, number: number, takes: number): boolean {
    return this.#run(
      `update pages set taken_until = ? where ${held} and counted = 0 and state <> 'queued'`,
      this.#until(),
      crawl,
      number,
      takes,
    )
  }

  /**
   * What became of a page, with the pages first found on it, in one step: so each page is found by exactly one other, and
   * the counting of the finder counts it. Null: the page is no longer this worker's.
   */
  finish(crawl: string, number: number, takes: number, outcome: Outcome, ms: number): Page | null {
    return inOneStep(this.#database, () => {
      const page = this.#get<{ depth: number }>(
        `select depth from pages where ${held} and state = 'taken'`,
        crawl,
        number,
        takes,
      )
      if (!page) return null
      const found = this.#add(crawl, page.depth, outcome)
      const isDone = outcome.state === 'done'
      if (isDone) this.#run('insert or replace into documents values (?, ?, ?)', crawl, number, outcome.markdown)
      return this.#get<Page>(
        `update pages set state = ?, found = ?, title = ?, bytes = ?, reason = ?, ms = ?, taken_until = ?, change = ?
           where ${held} returning ${shown}`,
        outcome.state,
        found,
        isDone ? outcome.title : null,
        isDone ? outcome.bytes : null,
        isDone ? null : outcome.reason,
        ms,
        this.#until(),
        this.#change(crawl),
        crawl,
        number,
        takes,
      )
    })
  }

  /** The job's counters have it. */
  counted(crawl: string, numbers: readonly number[]): void {
    inOneStep(this.#database, () => {
      for (const number of numbers)
        this.#run('update pages set counted = 1 where crawl = ? and number = ?', crawl, number)
    })
  }

  /** Pages that were read and may or may not be in the job's counters. */
  uncounted(crawl: string): number[] {
    return this.#all<{ number: number }>(
      "select number from pages where crawl = ? and counted = 0 and state in ('done', 'failed', 'skipped')",
      crawl,
    ).map(({ number }) => number)
  }

  /** Whether every page is read and counted. */
  isFinished(crawl: string): boolean {
    return this.#get('select 1 from pages where crawl = ? and counted = 0 limit 1', crawl) === null
  }

  /** What workers still hold of a crawl that has ended was not read. */
  giveUp(crawl: string): void {
    inOneStep(this.#database, () => {
      this.#run(
        "update pages set state = 'queued', change = ? where crawl = ? and state = 'taken'",
        this.#change(crawl),
        crawl,
      )
    })
  }

  /** After a start nobody holds a page: what a killed server's workers had taken is free at once. */
  releaseAll(): void {
    this.#run('update pages set taken_until = 0 where counted = 0')
  }

  /** Pages that changed after `change`, in the order of their changes, with the newest change. */
  changedSince(crawl: string, change: number, limit = 1_000): { pages: Page[]; change: number; more: boolean } {
    const rows = this.#all<Page & { change: number }>(
      `select ${shown}, change from pages where crawl = ? and change > ? order by change limit ?`,
      crawl,
      change,
      limit,
    )
    return {
      pages: rows.map(({ change: _, ...page }) => page),
      change: rows.at(-1)?.change ?? change,
      more: rows.length === limit,
    }
  }

  markdown(crawl: string, number: number): string | null {
    return (
      this.#get<{ markdown: string }>('select markdown from documents where crawl = ? and number = ?', crawl, number)
        ?.markdown ?? null
    )
  }

  /** Every page that was read, in order. */
  done(crawl: string): Page[] {
    return this.#all<Page>(`select ${shown} from pages where crawl = ? and state = 'done' order by number`, crawl)
  }

  statistics(crawl: string): Statistics {
    const sums = this.#get<Omit<Statistics, 'slowest'>>(
      `select count(*) as discovered, count(*) filter (where state = 'done') as processed,
         count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'skipped') as skipped,
         coalesce(sum(bytes), 0) as bytes, coalesce(max(depth), 0) as deepest,
         cast(coalesce(avg(ms) filter (where state = 'done'), 0) as integer) as averageMs
         from pages where crawl = ?`,
      crawl,
    ) as Omit<Statistics, 'slowest'>
    const slowest = this.#get<{ url: string; ms: number }>(
      'select url, ms from pages where crawl = ? and ms is not null order by ms desc limit 1',
      crawl,
    )
    return { ...sums, slowest }
  }

  #add(crawl: string, depth: number, outcome: Outcome): number {
    const limits = this.#get<{ maxDepth: number; maxPages: number; pages: number }>(
      `select max_depth as maxDepth, max_pages as maxPages, (select max(number) from pages where crawl = ?1) as pages from crawls where id = ?1`,
      crawl,
    ) as { maxDepth: number; maxPages: number; pages: number }
    // The target of a redirect stands where the page stood; a link leads one step deeper.
    const redirect = outcome.state === 'skipped' && outcome.redirect ? [outcome.redirect] : []
    const links = outcome.state === 'done' && depth < limits.maxDepth ? outcome.links : []
    const linkDepth = redirect.length > 0 ? depth : depth + 1
    let found = 0
    for (const url of [...redirect, ...links]) {
      if (limits.pages + found >= limits.maxPages) break
      if (this.#get('select 1 from pages where crawl = ? and url = ?', crawl, url)) continue
      this.#run(
        "insert into pages (crawl, number, url, depth, state, change) values (?, ?, ?, ?, 'queued', ?)",
        crawl,
        limits.pages + found + 1,
        url,
        linkDepth,
        this.#change(crawl),
      )
      found += 1
    }
    return found
  }

  #until(): number {
    return this.#now() + this.#takenMs
  }

  #change(crawl: string): number {
    return (
      this.#get<{ changes: number }>(
        'update crawls set changes = changes + 1 where id = ? returning changes',
        crawl,
      ) as { changes: number }
    ).changes
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql) ?? this.#database.prepare(sql)
    this.#prepared.set(sql, known)
    return known
  }

  #run(sql: string, ...values: (string | number | null)[]): boolean {
    return Number(this.#statement(sql).run(...values).changes) > 0
  }

  #get<Row>(sql: string, ...values: (string | number | null)[]): Row | null {
    return (this.#statement(sql).get(...values) as Row | undefined) ?? null
  }

  #all<Row>(sql: string, ...values: (string | number | null)[]): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }
}
