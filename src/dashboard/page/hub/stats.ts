/** What `GET /stats` answers (P11.14), as far as views show it. */
export interface Stats {
  readonly at: number
  readonly uptimeMs: number
  readonly nodes: readonly NodeStats[]
  readonly missing?: readonly string[]
  readonly connections: {
    readonly open: number
    readonly byState: Readonly<Record<string, number>>
    readonly byTransport: Readonly<Record<string, number>>
    readonly lagging: number
    readonly opened: number
    readonly closed: number
    readonly closedBy: Readonly<Record<string, number>>
    readonly returned: number
    readonly resumed: number
    readonly reconnectsPerMinute: number
  }
  readonly unique: { readonly users: number; readonly sessions: number; readonly addresses: number }
  readonly durations: { readonly count: number; readonly p50Ms: number | null; readonly p99Ms: number | null }
  readonly events: {
    readonly published: number
    readonly stored: number
    readonly delivered: number
    readonly leftOut: Readonly<Record<string, number>>
    readonly gaps: number
    readonly byType: readonly { readonly type: string; readonly count: number; readonly perSecond: number }[]
  }
  readonly streamBytes: number
  readonly latency: Readonly<
    Record<string, { readonly count: number; readonly p50Ms: number | null; readonly p99Ms: number | null }>
  >
  readonly queue: { readonly events: number; readonly bytes: number; readonly refused: number }
  readonly refused: Readonly<Record<string, number>>
  readonly errors: number
  readonly series: { readonly stepMs: number; readonly points: readonly Point[] }
}

export interface NodeStats {
  readonly id: string
  readonly startedAt: number
  readonly uptimeMs: number
  readonly draining: boolean
  readonly store: { readonly kind: string; readonly available: boolean; readonly awayMs: number }
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number; readonly heapTotalBytes: number }
  readonly eventLoop: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } | null
  readonly connections: number
}

export interface Point {
  readonly at: number
  readonly connections: number
  readonly lagging: number
  readonly inPerSecond: number
  readonly outPerSecond: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly eventLoopMs: number | null
  readonly opened: number
  readonly closed: number
  readonly returned: number
  readonly errors: number
  readonly refused: number
}
