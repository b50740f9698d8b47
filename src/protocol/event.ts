import { TidingsError } from '../errors.js'

export const priorities = ['low', 'normal', 'high', 'critical'] as const
export type Priority = (typeof priorities)[number]

/** What travels with an event beside its data. Own keys are welcome. */
export interface Metadata {
  readonly userId?: string
  readonly sessionId?: string
  readonly correlationId?: string
  /** Of the events of a topic with one key only the newest matters to a reader that lags (E6). */
  readonly conflationKey?: string
  readonly [key: string]: unknown
}

/** The envelope: the shape of every event on every part of the wire (spec §2, E1). */
export interface TidingsEvent<Type extends string = string, Data = unknown> {
  readonly id: string
  readonly type: Type
  /** The topic by which this reader receives it. */
  readonly topic: string
  /** All topics by which this reader receives it, in published order, where there are several. */
  readonly topics?: readonly string[]
  /** Its number in the namespace. Volatile events have none. */
  readonly seq?: number
  /** Unix ms, the store's clock at append. Never falls within a namespace. */
  readonly timestamp: number
  readonly priority: Priority
  readonly source: string
  /** The version of this envelope. */
  readonly version: number
  readonly data: Data
  readonly metadata?: Metadata
  readonly volatile?: true
}

const envelopeVersion = 1
export const defaultSource = 'tidings'

/** Types that the protocol itself uses, and the two that a native EventSource keeps for itself (E4). */
const reservedTypes = new Set(['hello', 'ping', 'bye', 'gap', 'snapshot', 'open', 'error', 'message'])
const control = /[\p{Cc}\p{Cs}]/u

/** Returns `type` when an event may bear it: 1–128 characters without control characters. Throws `type_invalid`. */
export function checkType(type: unknown, field = 'type'): string {
  if (typeof type !== 'string' || type.length === 0 || type.length > 128 || control.test(type)) {
    throw new TidingsError(
      'type_invalid',
      `"${field}" must be a string of 1–128 characters without control characters.`,
      { field },
    )
  }
  return type
}

/** Returns `type` when anybody may publish it. Throws `type_reserved` for what only the hub may say (E4). */
export function checkPublishType(type: unknown, field = 'type'): string {
  const checked = checkType(type, field)
  if (reservedTypes.has(checked) || checked.startsWith('job.')) {
    throw new TidingsError(
      'type_reserved',
      `Type "${checked}" is reserved: only the hub sends it. Choose another name.`,
      { field },
    )
  }
  return checked
}

/** Returns `id` when it may name an event or a command: 1–128 printable characters. Throws `id_invalid`. */
export function checkEventId(id: unknown, field = 'id'): string {
  if (typeof id !== 'string' || id.length === 0 || id.length > 128 || control.test(id)) {
    throw new TidingsError(
      'id_invalid',
      `"${field}" must be a string of 1–128 characters without control characters.`,
      { field },
    )
  }
  return id
}

/** What an event says, before a store has numbered and stamped it. */
export interface EventContent {
  readonly id: string
  readonly type: string
  readonly priority: Priority
  /** The rest of the envelope, from {@link encodeBody}. Stores keep it as it is. */
  readonly body: string
}

/** The members of the envelope that no part but the readers looks at, as JSON text without braces. */
export function encodeBody(event: {
  readonly source?: string | undefined
  readonly data: unknown
  readonly metadata?: Metadata | undefined
  readonly volatile?: boolean | undefined
}): string {
  const { source = defaultSource, data, metadata, volatile } = event
  // Undefined where a toJSON says so, as it does for data: its text would be no JSON, and no reader would get past it.
  const metadataText = metadata && JSON.stringify(metadata)
  return (
    `"source":${JSON.stringify(source)},"version":${envelopeVersion},"data":${JSON.stringify(data) ?? 'null'}` +
    (metadataText ? `,"metadata":${metadataText}` : '') +
    (volatile ? ',"volatile":true' : '')
  )
}

/**
 * The envelope as one line of JSON for readers who receive it by `topics` (at least one). The text is put together from
 * parts that were encoded once, at publish, so that a frame costs one concatenation whatever the size of `data`.
 */
export function encodeEnvelope(
  content: EventContent & { readonly seq?: number | undefined; readonly timestamp: number },
  topics: readonly string[],
): string {
  const several = topics.length > 1 ? `"topics":${JSON.stringify(topics)},` : ''
  const seq = content.seq === undefined ? '' : `"seq":${content.seq},`
  return (
    `{"id":${JSON.stringify(content.id)},"type":${JSON.stringify(content.type)},"topic":${JSON.stringify(topics[0])},` +
    `${several}${seq}"timestamp":${content.timestamp},"priority":"${content.priority}",${content.body}}`
  )
}

/** Reads one envelope from JSON text. Throws `event_invalid` on anything else. Unknown members are kept (H9). */
export function decodeEnvelope(text: string): TidingsEvent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TidingsError('event_invalid', 'An event is not JSON.', { cause })
  }
  if (!isEnvelope(value)) throw new TidingsError('event_invalid', 'An event lacks id, type, topic or timestamp.')
  return value
}

function isEnvelope(value: unknown): value is TidingsEvent {
  if (typeof value !== 'object' || value === null) return false
  const event = value as Partial<TidingsEvent>
  return (
    typeof event.id === 'string' &&
    typeof event.type === 'string' &&
    typeof event.topic === 'string' &&
    typeof event.timestamp === 'number'
  )
}
