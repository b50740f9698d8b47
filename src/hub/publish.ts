import { hash } from 'node:crypto'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import type { DataInput, DeclaredEvents, MaybeDeclared, TypeOf } from '../protocol/declared-events.js'
import {
  type Metadata,
  type Priority,
  checkEventId,
  checkPublishType,
  encodeBody,
  priorities,
} from '../protocol/event.js'
import { checkId, checkTopic, everyone, isJobTopic, roleTopic, sessionTopic, userTopic } from '../protocol/topic.js'
import type { NewEvent } from '../store/store.js'
import type { HubSettings } from './settings.js'

/** What people publish: exactly one of `topic`, `topics` and `to`. */
export interface PublishInput {
  /** A name of your own makes the publish safe to repeat (D3): 1–128 characters. Default a UUIDv7. */
  readonly id?: string | undefined
  readonly topic?: string | undefined
  readonly topics?: readonly string[] | undefined
  readonly to?:
    | {
        readonly users?: readonly string[] | undefined
        readonly roles?: readonly string[] | undefined
        readonly sessions?: readonly string[] | undefined
        readonly all?: boolean | undefined
      }
    | undefined
  readonly type: string
  readonly data?: unknown
  /** Default `normal`. */
  readonly priority?: Priority | undefined
  readonly source?: string | undefined
  readonly metadata?: Metadata | undefined
  /** Live only: not kept, not numbered (E7). */
  readonly volatile?: boolean | undefined
}

/** {@link PublishInput} by what was declared (E2). `data` may be left out where its schema takes null. */
export type PublishOf<Declared extends MaybeDeclared, Type extends TypeOf<Declared>> = Declared extends DeclaredEvents
  ? Type extends string
    ? Omit<PublishInput, 'type' | 'data'> & { readonly type: Type } & (null extends DataInput<Declared, Type>
          ? { readonly data?: DataInput<Declared, Type> }
          : { readonly data: DataInput<Declared, Type> })
    : never
  : PublishInput

export interface PublishResult {
  readonly id: string
  /** The event's place; null for volatile events. */
  readonly cursor: string | null
  /** It had been stored by an earlier publish with this id. */
  readonly duplicate?: true
}

const known = new Set(['id', 'topic', 'topics', 'to', 'type', 'data', 'priority', 'source', 'metadata', 'volatile'])
const encoder = new TextEncoder()

/** A publish whose fields have been checked. */
export interface Draft {
  readonly event: NewEvent
  readonly volatile: boolean
}

/** What a publish is checked against. */
export interface DraftParts {
  readonly settings: HubSettings
  readonly makeId: MakeId
  /** What was declared (E2); null: any type, any data. */
  readonly events: DeclaredEvents | null
}

/**
 * Checks all inputs of one publish. `field` is what a batch as a whole is called: a batch that is too large in events or in
 * topics of all events together is refused before it can hold up the store for everybody.
 */
export function draftsOf(inputs: readonly unknown[], parts: DraftParts, isBatch: boolean, field: string): Draft[] {
  const { eventsPerBatch, entriesPerBatch } = parts.settings
  const refuse = (message: string): TidingsError => new TidingsError('event_invalid', message, { field })
  if (inputs.length === 0 || inputs.length > eventsPerBatch)
    throw refuse(`A batch has 1–${eventsPerBatch} events, not ${inputs.length}.`)
  let entries = 0
  const drafts = inputs.map((input, index) => {
    const draft = draftOf(input, parts, isBatch ? `[${index}].` : '')
    entries += draft.event.topics.length
    return draft
  })
  if (entries > entriesPerBatch) {
    throw refuse(
      `The events of one publish have at most ${entriesPerBatch} topics together (entriesPerBatch), not ${entries}. Send ` +
        'them in several.',
    )
  }
  return drafts
}

/** Checks one input (E2, E4, spec §12 limits); throws naming the field, with `at` before it for a member of a batch. */
function draftOf(input: unknown, { settings, makeId, events }: DraftParts, at = ''): Draft {
  const invalid = (field: string, message: string): TidingsError =>
    new TidingsError('event_invalid', message, { field: at + field })
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid('', 'An event must be a JSON object.')
  const given = input as PublishInput
  for (const name of Object.keys(given)) {
    if (!known.has(name)) throw invalid(name, `"${name}" is no field of an event. Fields are ${[...known].join(', ')}.`)
  }
  const named = given.id !== undefined && given.id !== null
  const id = named ? checkEventId(given.id, `${at}id`) : makeId()
  const type = checkPublishType(given.type, `${at}type`)
  events?.check(type, given.data, at)
  const topics = topicsOf(given, settings, at)
  const priority = given.priority ?? 'normal'
  if (!priorities.includes(priority)) throw invalid('priority', `"priority" must be one of ${priorities.join(', ')}.`)
  const { source, metadata, volatile = false } = given
  if (source !== undefined && (typeof source !== 'string' || source.length < 1 || source.length > 128)) {
    throw invalid('source', '"source" must be a string of 1–128 characters.')
  }
  if (typeof volatile !== 'boolean') throw invalid('volatile', '"volatile" must be true or false.')
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))) {
    throw invalid('metadata', '"metadata" must be an object.')
  }
  const conflationKey = metadata?.conflationKey
  if (conflationKey !== undefined && !isConflationKey(conflationKey)) {
    throw invalid('metadata.conflationKey', '"metadata.conflationKey" must be a string of at most 256 characters.')
  }
  let body: string
  try {
    body = encodeBody({ source, data: given.data, metadata, volatile })
  } catch (cause) {
    throw new TidingsError('event_invalid', '"data" must be JSON: no cycles, no BigInt.', { field: `${at}data`, cause })
  }
  // Most events are far below the limit; only the others are measured to the byte.
  if (body.length * 3 > settings.dataBytes && encoder.encode(body).length > settings.dataBytes) {
    checkSize('data', given.data ?? null, settings.dataBytes, at)
    checkSize('metadata', metadata ?? null, settings.dataBytes, at)
  }
  const digest = named ? hash('sha256', JSON.stringify([topics, type, priority, body]), 'base64url').slice(0, 22) : ''
  return { event: { id, type, priority, body, topics, digest, conflationKey, fresh: !named }, volatile }
}

function checkSize(field: string, value: unknown, limit: number, at: string): void {
  const bytes = encoder.encode(JSON.stringify(value) ?? 'null').length
  if (bytes > limit) {
    throw new TidingsError(
      'data_too_large',
      `"${field}" is ${bytes} bytes of JSON; at most ${limit} are allowed. Publish a reference instead.`,
      {
        field: at + field,
      },
    )
  }
}

function topicsOf(given: PublishInput, settings: HubSettings, at: string): readonly string[] {
  const ways = isGiven(given.topic) + isGiven(given.topics) + isGiven(given.to)
  if (ways !== 1) {
    throw new TidingsError('event_invalid', 'An event needs exactly one of "topic", "topics" and "to".', {
      field: `${at}topic`,
    })
  }
  let topics: string[]
  if (given.topic !== undefined && given.topic !== null) topics = [checkTopic(given.topic, `${at}topic`)]
  else if (given.topics)
    topics = list(given.topics, `${at}topics`).map((topic, index) => checkTopic(topic, `${at}topics[${index}]`))
  else topics = recipientTopics(given.to ?? {}, `${at}to`)
  if (topics.length > 1) topics = [...new Set(topics)]
  if (topics.length === 0 || topics.length > settings.topicsPerEvent) {
    throw new TidingsError('event_invalid', `An event has 1–${settings.topicsPerEvent} topics, not ${topics.length}.`, {
      field: `${at}topics`,
    })
  }
  const job = topics.find(isJobTopic)
  if (job !== undefined) {
    throw new TidingsError(
      'topic_reserved',
      `Topic "${job}" takes events only through its job. Use job.publish(type, data).`,
      { field: `${at}topic` },
    )
  }
  return topics
}

const isGiven = (way: unknown): number => (way !== undefined && way !== null ? 1 : 0)

function recipientTopics(to: NonNullable<PublishInput['to']>, field: string): string[] {
  if (typeof to !== 'object' || Array.isArray(to))
    throw new TidingsError('event_invalid', '"to" must be an object.', { field })
  for (const name of Object.keys(to)) {
    if (!['users', 'roles', 'sessions', 'all'].includes(name)) {
      throw new TidingsError('event_invalid', `"to.${name}" is unknown: use users, roles, sessions, all.`, {
        field: `${field}.${name}`,
      })
    }
  }
  const named = (ids: unknown, name: string, topic: (id: string) => string): string[] =>
    ids === undefined
      ? []
      : list(ids, `${field}.${name}`).map((id, index) =>
          checkTopic(topic(checkId(id, `${field}.${name}[${index}]`)), `${field}.${name}`),
        )
  if (to.all !== undefined && typeof to.all !== 'boolean')
    throw new TidingsError('event_invalid', '"to.all" must be true or false.', { field: `${field}.all` })
  return [
    ...named(to.users, 'users', userTopic),
    ...named(to.roles, 'roles', roleTopic),
    ...named(to.sessions, 'sessions', sessionTopic),
    ...(to.all ? [everyone] : []),
  ]
}

function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value))
    throw new TidingsError('event_invalid', `"${field}" must be an array of strings.`, { field })
  return value
}

/** Stores keep text as UTF-8, which has no half of a surrogate pair: two such keys would become one. */
function isConflationKey(key: unknown): key is string {
  return typeof key === 'string' && key.length <= 256 && !/\p{Cs}/u.test(key)
}
