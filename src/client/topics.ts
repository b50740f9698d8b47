import type { GapNotice, SnapshotNotice } from '../protocol/control.js'
import type { TidingsEvent } from '../protocol/event.js'
import { jobTopic, looksLikeTopic } from '../protocol/topic.js'
import type { Observer } from './diagnostics.js'
import { ClientError } from './error.js'
import { guarded } from './listeners.js'
import { forgetOldest } from './newest.js'
import { same } from './same.js'
import type { Action, Wanted } from './state.js'

// biome-ignore lint/suspicious/noExplicitAny: without declared events nobody knows the shape of `data`
export type Handler = (event: TidingsEvent<string, any>) => unknown
/** Handlers by event type; `'*'` hears every type, after the one of the type itself. */
export type Handlers = { readonly [type: string]: Handler }

export interface SubscribeOptions {
  /**
   * Begins earlier than now: `start` (all that is kept), a cursor, or `@<Unix ms>` (P6). What was comes by polls for this
   * topic alone, what follows by the connection; each event once and in order (spec C1). Default: from where the client stands.
   */
  readonly since?: string | undefined
  /** History is missing (D4): the events that follow may not continue where the last ones ended. Told again at each
   *  connect until the cursor has passed it. */
  readonly onGap?: (gap: GapNotice) => unknown
  /** The job of this topic as it stands: where a stream begins without a cursor and after a gap. */
  readonly onSnapshot?: (notice: SnapshotNotice) => unknown
  /** The hub refuses this topic (`authentication`); the subscription is over. Default: the client's `onError`. */
  readonly onError?: (error: ClientError) => unknown
}

interface Subscription extends SubscribeOptions {
  /** A map, because types come from outside and an object answers to "constructor". */
  readonly handlers: ReadonlyMap<string, Handler>
  /** A stream is up, or was when the subscription came; `atCursor`: it tells what comes, no snapshot comes by itself. */
  readonly onJoin?: (request: Wanted, atCursor: boolean) => void
}
type SubscriptionParts = Omit<Subscription, 'handlers'>

/** One topic, or what is addressed to the person. */
interface Entry {
  readonly subscriptions: Set<Subscription>
  /** Where the last event with a number stood: the number counts within the epoch. */
  epoch?: string
  seq?: number
  /** History was missing here: from now on a number alone does not tell what was handed on. */
  gapped?: boolean
}

/** An action of the machine that is carried out here, by the method of its name. */
type Told<Type extends Action['type']> = Extract<Action, { readonly type: Type }>

const person = '*'
/** The kinds of topics that are a person's own (spec §4, `GET /events` without `topic`). */
const own = /^(user|session|role|jobs):|^all$/

/** Whether news of these topics is for the subscriptions of `key`. */
const concern = (topics: readonly string[], key: string): boolean =>
  topics.some((topic) => topic === key || (key === person && own.test(topic)))

/**
 * Begins a subscription at its `since`; returns the undo. `create` makes {@link Topics} of its own for it: imported by code
 * that loads later, a bundler would part this file, which every page loads, from its entry.
 */
export type BeginEarlier = (
  create: typeof createTopics,
  topic: string,
  handlers: Handlers,
  options: SubscribeOptions,
) => () => void

/** Who listens to what, and what each has had: D1 and D3 are kept here, per topic. */
export interface Topics {
  /** Adds a subscription to `topic`, or to what is addressed to the person; returns its undo. Throws `topic_invalid`. */
  add(topic: string | null, handlers: Handlers, parts?: SubscriptionParts): () => void
  /** A stream is up. */
  joined(action: Told<'joined'>): void
  /** Hands an event to the handlers of each of its topics that has not had it. `cursor` is its own; `request` its stream's. */
  deliver(action: Told<'deliver'>): void
  gap(action: Told<'gap'>): void
  snapshot(action: Told<'snapshot'>): void
  /** The hub refuses these topics: their subscriptions hear it and are gone. */
  refused(action: Told<'refused'>): void
}

export function createTopics(
  report: (error: ClientError) => void,
  wantChanged: (want: Wanted | null) => void,
  observer: Observer,
  begin: BeginEarlier,
): Topics {
  const entries = new Map<string, Entry>()
  /** By topic and id, who had it, of the newest: it tells events apart that come twice around a gap (D4). A subscription that
   *  comes later has not had what one before it on that topic had. */
  const recent = new Map<string, Entry>()
  let want: Wanted | null = null
  /** What the last stream that was up carries. */
  let live: Wanted | null = null

  const changed = (): void => {
    const topics = [...entries.keys()].filter((key) => key !== person).sort()
    const next = entries.size > 0 ? { topics, own: entries.has(person) } : null
    if (same(next, want)) return
    want = next
    wantChanged(next)
  }

  /** Makes these calls for each subscription that is still there when its turn comes. */
  const each = (entry: Entry | undefined, ...calls: ((subscription: Subscription) => unknown)[]): void => {
    for (const subscription of [...(entry?.subscriptions ?? [])]) {
      for (const call of calls) guarded(() => entry?.subscriptions.has(subscription) && call(subscription), report)
    }
  }

  /** Whether an entry has not had this event; then it has. */
  const take = (entry: Entry, key: string, { id, seq }: TidingsEvent, cursor: string): boolean => {
    const known = `${key} ${id}`
    if ((seq === undefined || entry.gapped) && recent.get(known) === entry) return false
    if (seq !== undefined) {
      const epoch = cursor.split('.')[0] as string
      if (epoch === entry.epoch && seq <= (entry.seq as number)) return false
      entry.epoch = epoch
      entry.seq = seq
    }
    recent.set(known, entry)
    forgetOldest(recent)
    return true
  }

  return {
    add(topic, handlers, parts = {}) {
      if (topic !== null && !looksLikeTopic(topic)) {
        throw new ClientError('validation', `"${topic}" is no topic.`, { code: 'topic_invalid' })
      }
      if (parts.since) return begin(createTopics, topic as string, handlers, parts)
      const key = topic ?? person
      const subscription = { ...parts, handlers: new Map(Object.entries(handlers)) }
      const entry = entries.get(key) ?? { subscriptions: new Set() }
      const { subscriptions } = entry
      entries.set(key, entry)
      subscriptions.add(subscription)
      if (live) parts.onJoin?.(live, true)
      changed()
      return () => {
        subscriptions.delete(subscription)
        if (subscriptions.size === 0 && entries.get(key) === entry) entries.delete(key)
        changed()
      }
    },
    joined({ stream: { request, cursor } }) {
      live = request
      for (const [, entry] of [...entries]) each(entry, ({ onJoin }) => onJoin?.(request, !!cursor))
    },
    deliver({ event, cursor, request }) {
      const topics = event.topics ?? [event.topic]
      const asked = [...request.topics, request.own ? person : '']
      if (!asked.some((key) => concern(topics, key))) {
        report(new ClientError('server', `"${topics[0]}" is no topic of ours.`))
      }
      for (const [key, entry] of [...entries]) {
        if ((key === person && !request.own) || !concern(topics, key)) continue
        if (!take(entry, key, event, cursor)) observer.drop?.(event, key)
        else
          each(
            entry,
            ({ handlers }) => handlers.get(event.type)?.(event),
            ({ handlers }) => handlers.get('*')?.(event),
          )
      }
    },
    gap({ notice }) {
      for (const [key, entry] of entries) {
        if (notice.topics && !concern(notice.topics, key)) continue
        entry.gapped = true
        // The hub has lost numbers of this very epoch, and gives them to other events.
        if (notice.reason === 'unknown') entry.epoch = ''
        each(entry, ({ onGap }) => onGap?.(notice))
      }
    },
    snapshot({ notice }) {
      each(entries.get(jobTopic(notice.job.id)), ({ onSnapshot }) => onSnapshot?.(notice))
    },
    refused({ error }) {
      for (const topic of error.topics) {
        const entry = entries.get(topic)
        entries.delete(topic)
        each(entry, ({ onError = report }) => onError(error))
      }
      changed()
    },
  }
}
