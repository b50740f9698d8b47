import type { TidingsEvent } from '#src/protocol/event.js'

/** What goes wrong with one request: a refusal, or what becomes of its stream after so many bytes. */
export interface Fault {
  /** `late`: the answer begins only after so many ms. */
  readonly lateMs?: number
  readonly refuse?: 'network' | 'silence' | 'portal' | number
  /** The stream ends (or, half-open, only falls silent) after this many bytes, which may be inside a frame. */
  readonly bytes?: number
  readonly ending?: 'end' | 'error' | 'silence'
  /** Each frame is sent twice. */
  readonly twice?: boolean
}

export interface Logged extends TidingsEvent {
  readonly seq: number
}

/** The event as a reader of `topics` gets it; null: it is none of theirs. */
export function envelopeFor(event: Logged, wanted: ReadonlySet<string>): TidingsEvent | null {
  const matching = (event.topics ?? [event.topic]).filter((topic) => wanted.has(topic))
  const [topic, ...others] = matching
  if (topic === undefined) return null
  const { topics: _, ...rest } = event
  return { ...rest, topic, ...(others.length > 0 && { topics: matching }) }
}
