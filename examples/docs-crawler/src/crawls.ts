import type { DatabaseSync } from 'node:sqlite'
import type { Job } from 'tidings'

/** What a person asked for. Its id is also the id of its job. */
export interface Crawl {
  readonly id: string
  readonly owner: string
  readonly url: string
  /** Links away from the first page. */
  readonly maxDepth: number
  readonly maxPages: number
  /** Unix ms. */
  readonly createdAt: number
  /** Whether a worker has ever taken a page of it. */
  readonly started: boolean
  /** The job as it ended; null while the crawl is open. The hub forgets a job a day after its end, this row does not. */
  readonly finalJob: Job | null
}

type Row = Omit<Crawl, 'started' | 'finalJob'> & { started: number; finalJob: string | null }

const columns =
  'id, owner, url, max_depth as maxDepth, max_pages as maxPages, created_at as createdAt, started, final_job as finalJob'

/** The rows of crawls. */
export class Crawls {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  add(crawl: Omit<Crawl, 'started' | 'finalJob'>): void {
    this.#database
      .prepare('insert into crawls (id, owner, url, max_depth, max_pages, created_at) values (?, ?, ?, ?, ?, ?)')
      .run(crawl.id, crawl.owner, crawl.url, crawl.maxDepth, crawl.maxPages, crawl.createdAt)
  }

  get(id: string): Crawl | null {
    return this.#read(`select ${columns} from crawls where id = ?`, id)[0] ?? null
  }

  /** Newest first. */
  of(owner: string): Crawl[] {
    return this.#read(`select ${columns} from crawls where owner = ? order by created_at desc limit 100`, owner)
  }

  /** Those that have not ended, oldest first. */
  open(): Crawl[] {
    return this.#read(`select ${columns} from crawls where final_job is null order by created_at`)
  }

  markStarted(id: string): void {
    this.#database.prepare('update crawls set started = 1 where id = ? and started = 0').run(id)
  }

  end(id: string, job: Job): void {
    this.#database.prepare('update crawls set final_job = ? where id = ?').run(JSON.stringify(job), id)
  }

  #read(sql: string, ...values: string[]): Crawl[] {
    return (this.#database.prepare(sql).all(...values) as unknown as Row[]).map((row) => ({
      ...row,
      started: row.started === 1,
      finalJob: row.finalJob === null ? null : (JSON.parse(row.finalJob) as Job),
    }))
  }
}
