import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { jobIdOf } from '../protocol/topic.js'
import type { Random } from '../random.js'
import type { Store } from '../store/store.js'
import type { Channels } from './channels.js'
import { ConnectionsHere, type Order, byId, mostListed } from './connections-here.js'
import { Nodes } from './nodes.js'
import type { Reader } from './reader.js'
import { type ClosedReport, type ConnectionFilter, type ConnectionReport, checkExact } from './report.js'
import { type Revocation, type RevocationTarget, checkTarget } from './revocation.js'
import { RevocationCopy } from './revocation-copy.js'
import { Revocations } from './revocations.js'
import type { Roster } from './roster.js'
import type { StorePresence } from './store-presence.js'

export interface ControlParts {
  readonly store: Store
  readonly presence: StorePresence
  readonly clock: Clock
  readonly random: Random
  readonly roster: Roster
  readonly channels: Channels
  readonly onError: (error: unknown, stage: string) => void
  /** A revocation is forgotten after this: no token lives longer. */
  readonly longestTokenMs: number
}

export interface ConnectionPage {
  /** By id, so that a page can be read on by the last one. */
  readonly connections: readonly ConnectionReport[]
  readonly next?: string
  /** Nodes that did not answer within a second. */
  readonly missing?: readonly string[]
}

export interface ClosedPage {
  /** The last to close first. */
  readonly connections: readonly ClosedReport[]
  readonly missing?: readonly string[]
}

export interface PageQuery {
  /** Default 100, at most 1,000. */
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

/** Operations on all connections, on every node of the store within a second (A5, O2): on this one at once. */
export class Control {
  readonly nodes: Nodes
  readonly here: ConnectionsHere
  readonly revocations: Revocations
  readonly #parts: ControlParts
  readonly #copy: RevocationCopy

  constructor(parts: ControlParts) {
    this.#parts = parts
    this.revocations = new Revocations(parts.store, parts.longestTokenMs)
    this.nodes = new Nodes(parts, () => void this.#copy.reload())
    this.here = new ConnectionsHere(this.nodes.id, parts.roster, parts.clock)
    this.#copy = new RevocationCopy({
      ...parts,
      revocations: this.revocations,
      found: (revocation) => void this.here.endRevoked(revocation),
      tell: (revocation) => this.nodes.tell('revoke', revocation),
    })
    // The words of this version. What they carry was checked by the node that says them.
    this.nodes.on('revoke', (body) => this.#revokeHere(body as Revocation))
    this.nodes.on('disconnect', (body) => this.here.disconnect(body as Order))
    this.nodes.on('ping', (body) => this.here.ping(body as Order))
    this.nodes.on('list', (body) => this.here.list(body as Order))
    this.nodes.on('closed', (body) => this.here.closed(body as Order))
    this.nodes.on('erased', (body) => this.#erasedHere(body as Erased))
  }

  /** Hears the others and reads what was revoked: at the start, and when the store is back. */
  async start(): Promise<void> {
    await this.#copy.start(() => this.nodes.start())
  }

  /** Resolves when what is being read of revocations has been read: nobody is let in meanwhile. Never rejects. */
  settled(): Promise<void> | null {
    return this.#copy.settled()
  }

  /** Throws `unauthorized` for whoever was revoked, `store_unavailable` where this node cannot tell yet. */
  check(namespace: string, reader: Reader): void {
    this.#copy.check(reader)
    if (this.revocations.size > 0 && this.revocations.refuses(namespace, reader)) throw revoked()
  }

  /** For one that is being let in: what was revoked since its credential was read. */
  revokedSince(generation: number, namespace: string, reader: Reader): Revocation | null {
    return this.revocations.size > 0 ? this.revocations.since(generation, namespace, reader) : null
  }

  /** See {@link Hub.revoke}. */
  async revoke(namespace: string, target: RevocationTarget): Promise<{ readonly closed: number }> {
    const { clock } = this.#parts
    const revocation: Revocation = { namespace, ...checkTarget(target), at: Math.trunc(clock.now()) }
    this.revocations.checkRoom()
    const here = this.#revokeHere(revocation)
    // Told first: a store that takes its time must not keep the others from hearing.
    const [told, saved] = await Promise.allSettled([
      this.nodes.ask('revoke', revocation),
      this.revocations.save(revocation),
    ])
    if (saved.status === 'rejected') throw saved.reason
    if (told.status === 'rejected') throw told.reason
    return { closed: here + sum(told.value.answers) }
  }

  /** Ends connections with `bye` `kicked`. */
  async disconnect(namespace: string, filter: ConnectionFilter, note?: string): Promise<{ readonly closed: number }> {
    checkExact(filter)
    const order: Order = { namespace, filter, ...(note !== undefined && { note }) }
    const here = this.here.disconnect(order)
    if (filter.id !== undefined && here > 0) return { closed: here }
    return { closed: here + sum((await this.nodes.ask('disconnect', order)).answers) }
  }

  async ping(namespace: string, filter: ConnectionFilter = {}): Promise<{ readonly sent: number }> {
    checkExact(filter)
    const order: Order = { namespace, filter }
    const here = this.here.ping(order)
    return { sent: here + sum((await this.nodes.ask('ping', order)).answers) }
  }

  async list(namespace: string, filter: ConnectionFilter, query: PageQuery = {}): Promise<ConnectionPage> {
    const limit = limitOf(query)
    const order: Order = { namespace, filter, limit, ...(query.after !== undefined && { after: query.after }) }
    const { found, missing } = await this.#gather('list', order, this.here.list(order))
    const connections = found.sort(byId).slice(0, limit)
    const last = connections.at(-1)
    return { connections, ...(found.length > limit && last && { next: last.id }), ...missing }
  }

  async closed(namespace: string, filter: ConnectionFilter, query: PageQuery = {}): Promise<ClosedPage> {
    const limit = limitOf(query)
    const order: Order = { namespace, filter, limit }
    const { found, missing } = await this.#gather('closed', order, this.here.closed(order))
    return { connections: found.sort((a, b) => b.since - a.since).slice(0, limit), ...missing }
  }

  async find(namespace: string, id: string): Promise<ConnectionReport | null> {
    const order: Order = { namespace, filter: { id }, limit: 1 }
    const [here] = this.here.list(order)
    return here ?? (await this.#gather<ConnectionReport>('list', order, [])).found[0] ?? null
  }

  /**
   * Takes away what is kept of a topic. Its readers are told that history is missing. Rejects with `topic_reserved` for a job:
   * its state would go with its events, and a job above it would wait for its end for ever.
   */
  async erase(namespace: string, topic: string): Promise<void> {
    const { store } = this.#parts
    if (jobIdOf(topic) !== null) {
      throw new TidingsError('topic_reserved', `"${topic}" is a job: take it away with DELETE /jobs/{id}.`, {
        field: 'topic',
      })
    }
    await store.erase(namespace, topic)
    const erased: Erased = { namespace, topic, upTo: (await store.head(namespace)).seq }
    this.#erasedHere(erased)
    await this.nodes.tell('erased', erased)
  }

  close(): void {
    this.#copy.close()
    this.nodes.close()
  }

  #revokeHere(revocation: Revocation): number {
    return this.revocations.note(revocation) ? this.here.endRevoked(revocation) : 0
  }

  #erasedHere({ namespace, topic, upTo }: Erased): void {
    this.#parts.channels.find(namespace)?.erased(topic, upTo)
  }

  async #gather<Report>(
    kind: string,
    order: Order,
    here: readonly Report[],
  ): Promise<{ readonly found: Report[]; readonly missing: { readonly missing?: readonly string[] } }> {
    const { answers, missing } = await this.nodes.ask(kind, order)
    const found = [
      ...here,
      ...answers.flatMap((answer) => (Array.isArray(answer) ? answer.filter(isReport<Report>) : [])),
    ]
    return { found, missing: missing.length > 0 ? { missing } : {} }
  }
}

interface Erased {
  readonly namespace: string
  readonly topic: string
  readonly upTo: number
}

function limitOf({ limit = 100 }: PageQuery): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostListed) return limit
  throw new TidingsError('query_invalid', `"limit" must be a whole number from 1 to ${mostListed}.`, { field: 'limit' })
}

/** A node of another version may tell of a connection otherwise (H9): by its id and its time it is put in order. */
const isReport = <Report>(told: unknown): told is Report => {
  const { id, since } = (told ?? {}) as Partial<ConnectionReport>
  return typeof id === 'string' && typeof since === 'number'
}

const sum = (answers: readonly unknown[]): number =>
  answers.reduce<number>((total, answer) => total + (typeof answer === 'number' ? answer : 0), 0)

/** In the words of any bad credential: it is of no use here, and why is nobody's business. */
export const revoked = (): TidingsError =>
  new TidingsError('unauthorized', 'The credential is no longer valid here: sign in again.')
