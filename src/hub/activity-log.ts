import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { CloseReason } from '../protocol/control.js'
import type { Connection } from './connection.js'
import { Newest } from './newest.js'
import type { Nodes } from './nodes.js'
import type { ClosedConnection } from './closed-connection.js'
import type { Reported } from './report.js'
import { comesBack } from './start.js'

export const activityKinds = ['connected', 'closed', 'refused', 'error'] as const
export type ActivityKind = (typeof activityKinds)[number]

/** Something that happened at a hub (O1), as `GET /activity` tells it. No credential, query or payload is in it. */
export type ActivityEntry = Connected | Closed | Refused | Failed

interface Happened {
  /** Unix ms; where it repeated itself, of the last time. */
  readonly at: number
  /** The node that it happened on. */
  readonly node: string
}

/** Who a connection is of, in few words. */
interface Who {
  readonly connection: string
  readonly namespace: string
  readonly transport: string
  readonly user?: string | undefined
  readonly session?: string | undefined
  readonly address?: string | undefined
  /** What the reader calls itself. */
  readonly name?: string | undefined
  /** The first three. */
  readonly topics: readonly string[]
  readonly topicCount: number
  /** It came with a cursor. */
  readonly returned: boolean
}

interface Connected extends Happened, Who {
  readonly kind: 'connected'
}

interface Closed extends Happened, Who {
  readonly kind: 'closed'
  readonly reason: CloseReason | 'gone'
  readonly note?: string | undefined
  readonly durationMs: number
  readonly sent: number
}

/** What was refused and by what, without the query. */
export interface RefusedRequest {
  readonly code: string
  readonly status: number
  readonly method: string
  readonly path: string
  readonly address?: string | undefined
  readonly field?: string | undefined
  readonly limit?: string | undefined
}

interface Refused extends Happened, RefusedRequest {
  readonly kind: 'refused'
  /** `X-Request-Id`, of the last. */
  readonly request: string
  readonly count: number
}

/** A failure that no caller heard of. Its message may hold addresses: that stands in the log of the hub. */
interface Failed extends Happened {
  readonly kind: 'error'
  readonly stage: string
  readonly code: string
  readonly count: number
}

/** So many of each kind, so that a flood of one does not wash the others away. */
const mostEntries = 1_000
/** What comes again within this time is one entry with a count. */
const repeatedMs = 10_000
const mostTopics = 3

export interface ActivityQuery {
  /** Of which connections are told. */
  readonly namespace: string
  /** With what was refused and what failed, which belongs to no namespace. */
  readonly ofHub: boolean
  /** Default: all. */
  readonly kind?: ActivityKind
  readonly limit: number
}

export interface ActivityPage {
  /** The newest first. */
  readonly entries: readonly ActivityEntry[]
  /** Nodes that did not answer within a second. */
  readonly missing?: readonly string[]
}

/** What happened lately: who came, who went and why, what was refused and what failed. */
export class ActivityLog {
  readonly #clock: Clock
  readonly #nodes: Nodes
  /** An entry is made for whoever asks: most are never looked at. */
  readonly #connected = new Newest<Opened>(mostEntries)
  readonly #closed = new Newest<ClosedConnection>(mostEntries)
  readonly #refused = new Newest<Refused>(mostEntries)
  readonly #failed = new Newest<Failed>(mostEntries)

  constructor(clock: Clock, nodes: Nodes) {
    this.#clock = clock
    this.#nodes = nodes
    nodes.on('activity', (query) => this.#entriesHere(query as ActivityQuery))
  }

  /** Polls come by the thousand: they are left out, as answered ones are where they close. */
  opened({ id, namespace, transport, options }: Connection): void {
    if (transport !== 'poll') this.#connected.add({ id, namespace, transport, options, at: this.#clock.now() })
  }

  closed(closed: ClosedConnection): void {
    this.#closed.add(closed)
  }

  refused(refused: RefusedRequest, request: string): void {
    const { last } = this.#refused
    const { code, path, address } = refused
    const isSame = last?.code === code && last.path === path && last.address === address
    addOrCount(this.#refused, { kind: 'refused', ...this.#here, ...refused, request, count: 1 }, isSame)
  }

  failed(error: unknown, stage: string): void {
    const { last } = this.#failed
    const code = error instanceof TidingsError ? error.code : 'internal'
    const isSame = last?.stage === stage && last.code === code
    addOrCount(this.#failed, { kind: 'error', ...this.#here, stage, code, count: 1 }, isSame)
  }

  /** On all nodes; where the store is away, on this one. */
  async read(query: ActivityQuery): Promise<ActivityPage> {
    const { answers, missing } = await this.#nodes.askWhileThere('activity', query)
    const others = answers.flatMap((answer) => (Array.isArray(answer) ? answer.filter(isEntry) : []))
    const entries = newestFirst([...this.#entriesHere(query), ...others], query.limit)
    return { entries, ...(missing.length > 0 && { missing }) }
  }

  #entriesHere({ namespace, ofHub, kind, limit }: ActivityQuery): ActivityEntry[] {
    const node = this.#nodes.id
    const isMeant = (one: Shown): boolean => one.namespace === namespace
    const found: ActivityEntry[] = [
      ...this.#connected
        .newestFirst()
        .filter(isMeant)
        .map((opened) => connectedOf(opened, node)),
      ...this.#closed
        .newestFirst()
        .filter(isMeant)
        .map((closed) => closedOf(closed, node)),
    ]
    if (ofHub) found.push(...this.#refused.newestFirst(), ...this.#failed.newestFirst())
    return newestFirst(kind === undefined ? found : found.filter((entry) => entry.kind === kind), limit)
  }

  get #here(): Happened {
    return { at: Math.round(this.#clock.now()), node: this.#nodes.id }
  }
}

const newestFirst = (entries: readonly ActivityEntry[], limit: number): ActivityEntry[] =>
  entries.toSorted((a, b) => b.at - a.at).slice(0, limit)

/** A node of another version may tell otherwise (H9): by its time it is put in order. */
const isEntry = (told: unknown): told is ActivityEntry => {
  const { kind, at } = (told ?? {}) as Partial<ActivityEntry>
  return typeof at === 'number' && activityKinds.some((each) => each === kind)
}

type Shown = Pick<Reported, 'id' | 'namespace' | 'transport' | 'options'>

/** What is kept of a connection that opened. */
interface Opened extends Shown {
  readonly at: number
}

const connectedOf = (opened: Opened, node: string): Connected => ({
  kind: 'connected',
  at: Math.round(opened.at),
  node,
  ...whoOf(opened),
})

function closedOf(closed: ClosedConnection, node: string): Closed {
  const { since: at, reason, note, durationMs, sent } = closed.report(node)
  return { kind: 'closed', at, node, ...whoOf(closed), reason, note, durationMs, sent }
}

function whoOf({ id, namespace, transport, options }: Shown): Who {
  const { reader, address, name, topics, start } = options
  return {
    connection: id,
    ...{ namespace, transport, user: reader?.userId, session: reader?.sessionId, address, name },
    returned: comesBack(start),
    topics: topics.slice(0, mostTopics),
    topicCount: topics.length,
  }
}

/** What is the same as the last one, soon after it, is one with it. */
function addOrCount<Entry extends Refused | Failed>(log: Newest<Entry>, entry: Entry, isSame: boolean): void {
  const { last } = log
  if (last && isSame && entry.at - last.at <= repeatedMs) log.replaceLast({ ...entry, count: last.count + 1 })
  else log.add(entry)
}
