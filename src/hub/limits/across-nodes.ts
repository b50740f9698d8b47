import type { Clock, Timer } from '../../clock.js'
import type { Nodes } from '../nodes.js'
import type { StorePresence } from '../store-presence.js'
import type { Elsewhere, Limits } from './limits.js'
import type { ConnectionLimit } from './settings.js'

export interface AcrossNodesParts {
  readonly nodes: Nodes
  readonly presence: StorePresence
  readonly clock: Clock
}

type Entry = readonly [kind: ConnectionLimit | 'client', key: string, open: number]

/** What is said once a second, also where nothing has changed: that it comes is the sign of life. */
interface Told {
  /** Rises by one: whoever misses one asks for the whole. */
  readonly n: number
  /** Takes the place of all that was told before. */
  readonly whole?: boolean
  readonly counts: readonly Entry[]
}

/** Streams that were opened, and how long ago: one that is younger is not an earlier one. */
type Opened = readonly (readonly [client: string, principal: string, ageMs: number])[]

interface Mirror {
  n: number
  heardMs: number
  readonly counts: Map<string, number>
}

const everyMs = 1_000
/** The counts of a node that is silent for this long are gone with it. */
const goneMs = 5_000
/** A client that moves is told of after this, with all others of that moment. */
const openedMs = 20
const mostEntries = 5_000

/**
 * What the other nodes have open (A6). Each tells once a second which of its counts have changed, so a limit may be passed
 * for about that long. While the store is away, only the counts of this node are left.
 */
export class LimitsAcrossNodes implements Elsewhere {
  readonly #parts: AcrossNodesParts
  readonly #mirrors = new Map<string, Mirror>()
  readonly #changes = new Map<string, Entry>()
  #limits: Limits | null = null
  #opened: { readonly client: string; readonly principal: string; readonly atMs: number }[] = []
  #n = 0
  #wholeWanted = true
  #turn: Timer | null = null
  #telling: Timer | null = null

  constructor(parts: AcrossNodesParts) {
    this.#parts = parts
  }

  begin(limits: Limits): void {
    this.#limits = limits
    const { nodes } = this.#parts
    nodes.on('limits', (body, from) => void this.#heard(body as Told, from))
    nodes.on('limits-wanted', (body) => {
      if (body === nodes.id) this.#wholeWanted = true
    })
    nodes.on('limits-opened', (body) => {
      for (const [client, principal, ageMs] of body as Opened) limits.replaced(client, principal, ageMs)
    })
    this.#tell()
  }

  /** What this node still has open is going: it need not count until it is silent for long enough. */
  close(): void {
    this.#turn?.cancel()
    this.#telling?.cancel()
    if (this.#parts.presence.available) this.#say({ n: ++this.#n, whole: true, counts: [] })
  }

  changed(kind: Entry[0], key: string, open: number): void {
    // Each node has room of its own.
    if (kind !== 'total') this.#changes.set(`${kind} ${key}`, [kind, key, open])
  }

  /** A stream of this client is open: those on other nodes end. */
  opened(client: string, principal: string): void {
    if (this.#parts.nodes.others.length === 0) return
    this.#opened.push({ client, principal, atMs: this.#parts.clock.monotonic() })
    this.#telling ??= this.#parts.clock.setTimer(() => this.#tellOpened(), openedMs)
  }

  // Elsewhere

  open(limit: ConnectionLimit, key: string): number {
    let open = 0
    for (const counts of this.#alive()) open += counts.get(`${limit} ${key}`) ?? 0
    return open
  }

  has(client: string): boolean {
    for (const counts of this.#alive()) if (counts.has(`client ${client}`)) return true
    return false
  }

  *#alive(): Iterable<ReadonlyMap<string, number>> {
    const { clock, presence } = this.#parts
    if (this.#mirrors.size === 0 || !presence.available) return
    const nowMs = clock.monotonic()
    for (const { heardMs, counts } of this.#mirrors.values()) if (nowMs - heardMs < goneMs) yield counts
  }

  #heard({ n, whole = false, counts }: Told, from: string): void {
    const { nodes, clock } = this.#parts
    let mirror = this.#mirrors.get(from)
    if (!mirror) {
      mirror = { n: -1, heardMs: 0, counts: new Map() }
      this.#mirrors.set(from, mirror)
    }
    if (whole) mirror.counts.clear()
    else if (n !== mirror.n + 1) void nodes.tell('limits-wanted', from).catch(ignore)
    mirror.n = n
    mirror.heardMs = clock.monotonic()
    for (const [kind, key, open] of counts) {
      if (open > 0) mirror.counts.set(`${kind} ${key}`, open)
      else mirror.counts.delete(`${kind} ${key}`)
    }
  }

  #tell(): void {
    const { clock, presence } = this.#parts
    this.#turn = clock.setTimer(() => this.#tell(), everyMs)
    for (const [node, { heardMs }] of this.#mirrors) {
      if (clock.monotonic() - heardMs >= goneMs) this.#mirrors.delete(node)
    }
    if (!presence.available) this.#wholeWanted = true
    let whole = this.#wholeWanted
    const entries = whole ? [...(this.#limits?.all() ?? [])] : [...this.#changes.values()]
    this.#changes.clear()
    if (!presence.available) return
    this.#wholeWanted = false
    for (let at = 0; at === 0 || at < entries.length; at += mostEntries) {
      this.#say({ n: ++this.#n, ...(whole && { whole }), counts: entries.slice(at, at + mostEntries) })
      whole = false
    }
  }

  #say(told: Told): void {
    this.#parts.nodes.tell('limits', told).catch(() => {
      this.#wholeWanted = true
    })
  }

  #tellOpened(): void {
    const { clock, nodes } = this.#parts
    const nowMs = clock.monotonic()
    this.#telling = null
    const opened: Opened = this.#opened
      .splice(0)
      .map(({ client, principal, atMs }) => [client, principal, nowMs - atMs])
    nodes.tell('limits-opened', opened).catch(ignore)
  }
}

/** The store is away: that is told elsewhere, and the others will ask. */
function ignore(): void {}
