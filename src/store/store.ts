import type { GapReason } from '../protocol/control.js'
import type { Position } from '../protocol/cursor.js'
import type { EventContent } from '../protocol/event.js'

/**
 * What Tidings asks of a place where events live. One page to implement from; the public suite
 * (`tidings/testing`, `storeContract`) checks every MUST on it.
 *
 * A store knows namespaces, topics, numbers, ids and text. It does not know connections, rights or jobs. A namespace is
 * made, with its epoch, by the first call that names it, a read too: a position told before the first append is proved
 * after it. Nothing crosses from one to another. Input has been validated by the caller: names and text are well-formed
 * Unicode (no half of a surrogate pair), lists of topics hold at most 100.
 *
 * Failures: a store that cannot be reached rejects with `store_unavailable`, at once and having done nothing; one that
 * cannot tell whether an append was done rejects with `indeterminate`; every other outcome is a value.
 */
export interface Store extends Topics, Deadlines {
  /** What it is, for logs and health: `memory`, `sqlite`, `redis`. */
  readonly kind: string

  /** Whether it can be reached. Absent: it lives in this process, and always can. */
  readonly availability?: Availability

  /** What an operator would ask of it. Absent: there is nothing to tell but its kind. */
  readonly policy?: Policy

  /** The way to the followers on other nodes for what is not kept. Absent: one process owns the store, and there are none. */
  readonly others?: Others

  /** What it keeps, in numbers. Absent: it cannot tell without looking at all of it. */
  readonly holdings?: Holdings

  /**
   * Opens files and connections. MUST refuse data of a newer version (`store_newer`) and a second owner (`store_locked`).
   * A store that is somewhere else and cannot be reached yet opens unavailable and goes on trying.
   */
  open(): Promise<void>

  /**
   * Does all of `append` or nothing, in one step that no other append or read can see the inside of:
   *
   * 1. Ids. Where any of `commands` is known with the same digest: `repeated`, with all that are. Else, where any id is
   *    known with another digest or as the other kind (command, event), or stands twice in here for different things:
   *    `reused`. An event whose id is known with the same digest is left out and answered as it was the first time.
   * 2. States. Where one of `states` is not at its `expect`: `conflict`, with what is under each of them, in their order.
   * 3. Quota. Where the namespace keeps more than its quota and the append is not `exempt`: `quota`.
   * 4. Events get the next numbers of the namespace, in order, and one timestamp that never falls; they are kept under each
   *    of their topics; then states are written; ids are remembered; the feed announces the events.
   *
   * MUST number appends of one caller in the order of the calls. MUST NOT resolve before the append is as durable as the
   * store promises. A number is never used twice; an id is recognised for {@link IdWindow} at least.
   */
  append(namespace: string, append: Append): Promise<AppendResult>

  /**
   * Reads the events of several topics in ascending order from after a position. MUST be one snapshot: `upTo`, the last
   * number of the namespace, is fixed before any topic is looked at, and every kept event of the topics in (`after`, `upTo`]
   * is returned, each once. Where `limit`, `maxBytes` or a stretch that is known to be lost cuts it short (at least one event
   * is returned), `upTo` is the last event returned and `more` is true. `upTo` is the reader's new position even where nothing matched. MUST reflect every
   * append that was acknowledged or announced before the call.
   *
   * The position is proved per topic, or answered by a gap: another epoch → `epoch`; beyond the last number → `unknown`;
   * inside a stretch the store lost, or before one that is known to have held events, with no kept event between → `lost`,
   * and reading goes on behind it; trimmed events behind it → `expired`; an erased topic → `unknown`. A topic
   * that keeps no event is whole for a position younger than its retention, and `expired` for an older one. After `epoch`
   * and `unknown` for all, topics are read from their oldest kept event; in the other cases what a topic still keeps lies
   * after the position already. `after: 'start'` reads all that is kept and has no gaps. A gap is told by every read until
   * the position has passed it, so also by the next page.
   */
  read(namespace: string, query: ReadQuery): Promise<ReadResult>

  /** The last position of a namespace. MUST reflect every append acknowledged before the call. */
  head(namespace: string): Promise<Position>

  /** A position not after the first event stamped at or after `timestampMs`, and at most a minute of events before it. */
  positionAt(namespace: string, timestampMs: number): Promise<Position>

  /**
   * Announces every append of the namespace, once, in order, from some moment before the promise resolves on. An
   * announcement comes after its append is durable and never before `read` would show it. Each names the number before
   * it, so that a follower sees a hole; where announcements may have been missed, `interrupted` is called.
   */
  follow(namespace: string, follower: Follower): Promise<Following>

  /** Asks for `probed` on every follower of the namespace on this store object, through the way announcements take. */
  probe(namespace: string): Promise<void>

  /** The state kept under a topic and the last position of the namespace, read in one step. */
  state(namespace: string, topic: string): Promise<StateRead>

  /** States of a group (or all), newest first, with the last position taken before the list is read. */
  states(namespace: string, query: StateQuery): Promise<StatePage>

  /** How far back a repeated id is recognised right now (D3). */
  idWindow(namespace: string): Promise<IdWindow>

  /** Trims by age, forgets old ids, notes the coarse time of positions. The hub calls it about once a minute. */
  maintain(): Promise<void>

  /** Finishes what was accepted, then lets go of files, locks and timers. */
  close(): Promise<void>
}

export interface Append {
  /** Ids of commands that this append carries out. Any of them known: nothing is done. */
  readonly commands?: readonly Claim[]
  readonly events: readonly NewEvent[]
  readonly states?: readonly StateWrite[]
  /** Taken even over the quota: ends, cancels and sweeps of jobs (S4). */
  readonly exempt?: boolean
  /**
   * How long ago this was first sent, where no answer came. A store that can leave an append unanswered MUST answer
   * `forgotten`, in the same step, where it no longer knows all ids of then and does not know these.
   */
  readonly triedMs?: number
}

/** An id made by the caller, and a digest of what it stands for. */
export interface Claim {
  readonly id: string
  readonly digest: string
}

export interface NewEvent extends EventContent {
  /** At least one; the event is kept under each, with one number. */
  readonly topics: readonly string[]
  /** Digest of what was published, for telling a repetition from a reuse of the id. */
  readonly digest: string
  /** The id was made for this very append, so no store can know it yet: a store may spare the look, and remembers it. */
  readonly fresh?: boolean
  readonly conflationKey?: string | undefined
}

/** An event as it is kept. */
export interface StoredEvent extends EventContent {
  readonly seq: number
  readonly timestamp: number
  /** All topics it was published to. Readers learn of those only that are theirs. */
  readonly topics: readonly string[]
  readonly conflationKey?: string | undefined
}

export interface StateWrite {
  readonly topic: string
  /** The version it must have; 0 = it must not exist. */
  readonly expect: number
  /** Text of up to 256 KiB; null removes the state, and with it the topic's events. */
  readonly value: string | null
  /** States of one group are listed together. Kept from the first write. */
  readonly group?: string
  /** States are counted under it ({@link Kept.labels}). Replaced by each write; absent: the state is not counted. Of a closed list. */
  readonly label?: string
  /**
   * Replaces the deadline; null or absent: none; `kept`: the one it has, to the moment, also where a lease was granted anew
   * after a pause. What is written in passing does not shorten a life.
   */
  readonly deadline?: Deadline | 'kept' | null
}

export interface Deadline {
  /** From the moment of the append, on the store's clock. */
  readonly afterMs: number
  /** A lease: time in which nobody asked for {@link Deadlines.due} does not count against it. */
  readonly lease: boolean
}

export interface State {
  readonly topic: string
  /** 1 at first, one more with each write. */
  readonly version: number
  readonly value: string
}

export interface StateRead {
  readonly state: State | null
  readonly upTo: Position
  /** The store's clock, Unix ms. */
  readonly timestamp: number
}

export interface StateQuery {
  readonly group?: string
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface StatePage {
  readonly states: readonly State[]
  readonly upTo: Position
  /** At most 16 decimal digits, so that what cannot be one is refused before a store is asked. */
  readonly next?: string
}

export type AppendResult =
  | {
      readonly outcome: 'stored'
      /** The last position of the namespace after the append. */
      readonly position: Position
      /** The store's clock, Unix ms. */
      readonly timestamp: number
      /** One answer an event, in order. */
      readonly events: readonly EventAnswer[]
    }
  | { readonly outcome: 'repeated'; readonly ids: readonly string[] }
  | { readonly outcome: 'reused'; readonly id: string }
  | { readonly outcome: 'conflict'; readonly states: readonly StateRead[] }
  /** Nothing was done: nobody can say whether it was the first time. */
  | { readonly outcome: 'forgotten' }
  | { readonly outcome: 'quota'; readonly keptBytes: number; readonly quotaBytes: number }

export interface EventAnswer {
  readonly id: string
  readonly seq: number
  /** It was stored by an earlier append. */
  readonly duplicate: boolean
}

export interface ReadQuery {
  readonly topics: readonly string[]
  readonly after: Position | 'start'
  readonly limit: number
  readonly maxBytes: number
}

export interface ReadResult {
  readonly events: readonly StoredEvent[]
  /** The position before the first event of this read: `after`, or with gaps and for `start` where reading really began. */
  readonly from: Position
  readonly upTo: Position
  readonly more: boolean
  readonly gaps: readonly Gap[]
}

/** History that a reader asked for and cannot have. */
export interface Gap {
  readonly reason: GapReason
  readonly topics: readonly string[]
}

export interface Follower {
  /** Events of one commit, ascending. Must not throw and must not keep the array. */
  announced(announcements: readonly Announcement[]): void
  /** Announcements may be missing from here on: read the stretch before trusting the feed again. */
  interrupted(): void
  /** All appends up to this position have been announced. */
  probed(position: Position): void
  /** What another node said by {@link Others.tell}. In no order with announcements. */
  told?(text: string): void
}

export interface Announcement {
  readonly epoch: string
  readonly seq: number
  /** The number before it in the namespace. */
  readonly prev: number
  readonly topics: readonly string[]
  /** Absent where it is too large to announce: read it. */
  readonly event?: StoredEvent
}

export interface Following {
  /** All that comes after it will be announced. What is at or below it may have been, or may still be: skip it. */
  readonly position: Position
  close(): void
}

export interface IdWindow {
  readonly ids: number
  readonly oldestAgeMs: number
}

/** Coming and going of a store that is reached over a network (S5). */
export interface Availability {
  /** False: every method rejects with `store_unavailable`. */
  readonly available: boolean
  /** Why it is away, in words for an operator, without secrets; null while it is there. */
  readonly reason: string | null
  /**
   * Calls back at each change until the returned function is called. What was under way has been rejected before it tells
   * `false`, and nothing that was called before is carried out after it tells `true`.
   */
  watch(changed: (available: boolean) => void): () => void
}

/** What decides whether events survive, as the store is run. */
export interface Policy {
  /** Facts by name, in the store's own words (`maxmemoryPolicy`, `synchronous`); MUST hold no address and no secret. */
  facts(): Promise<Readonly<Record<string, string | number | boolean>>>
}

/** Says things to the other nodes of a store: volatile events (E7), control (A5). Nothing of it is kept. */
export interface Others {
  /** Reaches `told` of the followers of the namespace on all other nodes that hear it, or rejects with `store_unavailable`. */
  tell(namespace: string, text: string): Promise<void>
}

/** How much there is: from figures that a store has at hand, never by a look at all it keeps (O3). */
export interface Holdings {
  of(namespace: string): Promise<Kept>
  /** Of all namespaces, also those that only other nodes use. The answer, or what it is made of, MUST NOT be older than `maxAgeMs`. */
  ofAll(query: { readonly maxAgeMs: number }): Promise<KeptByAll>
}

export interface Kept {
  /** Each once, however many topics it has. */
  readonly events: number
  /** Topics that it knows something of: events, or for a while that they were taken away. */
  readonly topics: number
  /** As the quota counts them: an event under each of its topics, and states. */
  readonly bytes: number
  /** `bytes` as a share of the quota: above 1 appends are refused. */
  readonly quotaShare: number
  /** States whose deadline is a lease, and states with another deadline. */
  readonly leases: number
  readonly deadlines: number
  /** States by {@link StateWrite.label}. */
  readonly labels: Readonly<Record<string, number>>
  /** Ids that are recognised. */
  readonly ids: number
  /** An id of at most that age is recognised: the age that was set, or less where the number of ids was reached first (D3). */
  readonly idWindowMs: number
}

/** Sums; `quotaShare` is of the fullest namespace, `idWindowMs` of the one with the shortest. */
export interface KeptByAll extends Kept {
  readonly namespaces: number
}

/** What is known of topics, and taking one away. */
export interface Topics {
  /**
   * Topics that keep events, a page at a time, in an order of the store's own. One that keeps events all the while is in it;
   * in one that comes or goes meanwhile anything is right. Whatever there is, a call MUST NOT hold others up for longer than a
   * few ms: a page may hold fewer than `limit` (with `contains` even none) while `next` says that there is more. It may hold
   * some more than `limit`, and a topic that was on an earlier page.
   */
  topics(namespace: string, query: TopicQuery): Promise<TopicPage>
  describe(namespace: string, topic: string): Promise<TopicDescription>
  /** Erases a topic's events and state; the last number stays so that readers get a gap. */
  erase(namespace: string, topic: string): Promise<void>
}

export interface TopicQuery {
  readonly limit: number
  /** `next` of the page before. What it never gave a store MAY refuse with `query_invalid`. */
  readonly after?: string
  /** Only topics whose name has this in it, capitals as they are. */
  readonly contains?: string
}

export interface TopicPage {
  readonly topics: readonly KeptTopic[]
  readonly epoch: string
  readonly next?: string
}

/** A topic that keeps at least one event. */
export interface KeptTopic {
  readonly topic: string
  /** Oldest and newest kept number. */
  readonly first: number
  readonly last: number
  readonly count: number
  readonly bytes: number
}

export interface TopicDescription {
  /** Oldest and newest kept number; null where nothing is kept. */
  readonly first: number | null
  readonly last: number | null
  readonly count: number
  readonly bytes: number
  readonly epoch: string
}

/** Deadlines of states, on the store's own clock: one that is set back MUST delay none and end none early. */
export interface Deadlines {
  /**
   * States whose deadline has passed, earliest first. The store notes each call: where the last one is longer than
   * `pauseMs` ago (also over a restart), every deadline that is a lease is first moved to one whole lease from now, if it
   * is nearer, because nobody could have renewed it in the meantime.
   */
  due(query: { readonly limit: number; readonly pauseMs: number }): Promise<readonly DueState[]>
}

export interface DueState extends State {
  readonly namespace: string
}
