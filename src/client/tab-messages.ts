import { parseCursor } from '../protocol/cursor.js'
import { ClientError } from './error.js'
import type { Action, Input, Stream, Wanted } from './state.js'
import type { ClientStatus } from './status.js'

/** Actions that concern what every tab is told. */
export type Told = Extract<Action, { readonly type: 'joined' | 'deliver' | 'gap' | 'snapshot' | 'refused' | 'report' }>

/** What every tab wants, by the tab's id: whoever leads next needs it at once. */
type Roster = readonly (readonly [string, Wanted | null])[]

/** What tabs say to one another over their channel. All hear all of it. */
export type TabMessage =
  /** `rewind`: from here on this tab has missed something. */
  | { readonly type: 'want'; readonly tab: string; readonly want: Wanted | null; readonly rewind?: string }
  | { readonly type: 'leave'; readonly tab: string }
  /** Is anybody leading? */
  | { readonly type: 'ask' }
  | { readonly type: 'do'; readonly input: Input }
  | LeaderMessage

/**
 * Terms rise from leader to leader. `n` counts what the leader has told in its term before; at that point, all at or below
 * `at` had been told.
 */
export type LeaderMessage = { readonly term: number; readonly n: number; readonly at: string } & (
  | { readonly type: 'told'; readonly told: Told; readonly error?: ErrorParts }
  | { readonly type: 'status'; readonly status: ClientStatus; readonly error?: ErrorParts }
  | Here
)

/** All that a tab needs that is new, or may be the next to lead. */
interface Here {
  readonly type: 'here'
  readonly roster: Roster
  /** What the stream that is up carries. */
  readonly joined: Stream | null
  /** By it the hub knows that the next leader's stream takes the place of this one's. */
  readonly client: string
  readonly status: ClientStatus
  readonly error?: ErrorParts
}

/** An error on its way: a copy of an Error loses its kind. */
interface ErrorParts {
  readonly kind: ClientError['kind']
  readonly message: string
  readonly code: string
  readonly topics: readonly string[]
}

export function partsOf(error: ClientError | null): { readonly error?: ErrorParts } {
  if (!error) return {}
  const { kind, message, code, topics } = error
  return { error: { kind, message, code, topics } }
}

export function errorOf(parts: ErrorParts | undefined): ClientError | null {
  return parts ? new ClientError(parts.kind, parts.message, parts) : null
}

/** Whether somebody who stands at `own` has missed something of what was told until `at`. Without a place, nothing. */
export function isBehind(own: string, at: string): boolean {
  if (own === '' || at === '' || own === at) return false
  const [mine, theirs] = [parseCursor(own), parseCursor(at)]
  return !mine || !theirs || mine.epoch !== theirs.epoch || mine.seq < theirs.seq
}

/** What one connection carries for all of these. */
export function unionOf(wants: Iterable<Wanted | null>): Wanted | null {
  const topics = new Set<string>()
  let own = false
  let any = false
  for (const want of wants) {
    if (!want) continue
    any = true
    own ||= want.own
    for (const topic of want.topics) topics.add(topic)
  }
  return any ? { topics: [...topics].sort(), own } : null
}
