import type { Job, TidingsEvent } from 'tidings'
import type { Client } from 'tidings/client'
import { type Crawl, requests } from './requests.js'

/** The visitor's crawls, newest first, with their jobs live: from the server's rows, then from the stream. */
export class CrawlStore {
  readonly #client: Client
  readonly #userId: string
  readonly #crawls = new Map<string, Crawl>()
  readonly #listeners = new Set<() => void>()
  #order: Crawl[] = []

  constructor(client: Client, userId: string) {
    this.#client = client
    this.#userId = userId
  }

  /** Loads what there is and follows it. The list is read anew whenever a stream has come up, so nothing in between is missed. */
  async start(): Promise<void> {
    const take = (event: TidingsEvent): void => {
      if (event.type.startsWith('job.') && event.type !== 'job.log') this.take(event.data as Job)
    }
    this.#client.subscribe(`jobs:${this.#userId}`, { '*': take })
    let connectionId: string | null = null
    this.#client.status.subscribe(() => {
      const status = this.#client.status.getSnapshot()
      if (status.connectionId === connectionId) return
      connectionId = status.connectionId
      if (connectionId) this.load().catch(() => {})
    })
    await this.load()
  }

  async load(): Promise<void> {
    for (const crawl of await requests.crawls()) this.add(crawl)
  }

  get list(): readonly Crawl[] {
    return this.#order
  }

  get(id: string): Crawl | null {
    return this.#crawls.get(id) ?? null
  }

  add(crawl: Crawl): void {
    const known = this.#crawls.get(crawl.id)
    const job = newer(known?.job ?? null, crawl.job)
    if (known && known.job === job) return
    this.#crawls.set(crawl.id, { ...crawl, job })
    this.#changed()
  }

  /** A job's version only rises: an older state of it, from wherever, is no news. */
  take(job: Job): void {
    const crawl = this.#crawls.get(job.id)
    if (!crawl) {
      // Begun in another tab.
      this.load().catch(() => {})
      return
    }
    const next = newer(crawl.job, job)
    if (next === crawl.job) return
    this.#crawls.set(job.id, { ...crawl, job: next })
    this.#changed()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #changed(): void {
    this.#order = [...this.#crawls.values()].sort((one, other) => other.createdAt - one.createdAt)
    for (const listener of this.#listeners) listener()
  }
}

const newer = (known: Job | null, job: Job | null): Job | null =>
  known && (!job || job.version <= known.version) ? known : job
