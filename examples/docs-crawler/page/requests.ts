import type { Job } from 'tidings'

/** The shapes of `/api`, as the server sends them. */
export interface Visitor {
  readonly userId: string
  readonly name: string
}

export interface Crawl {
  readonly id: string
  readonly url: string
  readonly maxDepth: number
  readonly maxPages: number
  readonly createdAt: number
  readonly job: Job | null
}

export interface Page {
  readonly number: number
  readonly url: string
  readonly depth: number
  readonly state: 'queued' | 'taken' | 'done' | 'failed' | 'skipped'
  readonly title: string | null
  readonly reason: string | null
  readonly bytes: number | null
  readonly ms: number | null
  readonly found: number
}

/** What the server refused, in words that may be shown. */
export class Refused extends Error {
  readonly status: number
  readonly field: string | undefined

  constructor(status: number, detail: string, field?: string) {
    super(detail)
    this.status = status
    this.field = field
  }
}

async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  if (response.ok) return (await response.json()) as Answer
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; field?: string }
  throw new Refused(response.status, problem.detail ?? `The server answered ${response.status}.`, problem.field)
}

export const requests = {
  /** Null: nobody has told us a name yet. */
  visitor: () => ask<Visitor | null>('GET', '/api/session'),
  signIn: (name: string) => ask<Visitor>('POST', '/api/session', { name }),
  signOut: () => ask<unknown>('DELETE', '/api/session'),
  crawls: async () => (await ask<{ crawls: Crawl[] }>('GET', '/api/crawls')).crawls,
  begin: (crawl: { url: string; maxDepth: number; maxPages: number }) => ask<Crawl>('POST', '/api/crawls', crawl),
  cancel: (id: string) => ask<unknown>('POST', `/api/crawls/${id}/cancel`),
  pages: (id: string, since: number) =>
    ask<{ pages: Page[]; change: number; more: boolean }>('GET', `/api/crawls/${id}/pages?since=${since}`),
}

export const archivePath = (id: string): string => `/api/crawls/${id}/archive.zip`
export const markdownPath = (id: string, number: number): string => `/api/crawls/${id}/pages/${number}.md`
