import { TidingsError } from '../errors.js'
import { type TidingsEvent, checkPublishType } from './event.js'
import type { Job, JobLog, jobEventTypes } from './job.js'
import { type InputOf, type OutputOf, type Schema, applySchema, checkSchema } from './schema.js'

/** Schemas of `data` by event type. */
export interface EventSchemas {
  readonly [type: string]: Schema
}

/**
 * What {@link defineEvents} returns, for `createHub({ events })` and `createClient({ events })`. Its methods are what both
 * ends do at run time; applications need none of them.
 */
export interface DeclaredEvents<Schemas extends EventSchemas = EventSchemas, Open extends boolean = boolean> {
  readonly schemas: Schemas
  readonly open: Open
  /** Throws `type_invalid` for a type that is neither declared nor one of jobs, unless `open`. */
  checkType(type: string, field?: string): void
  /** Throws as `checkType` does, and `event_invalid` naming the path of what is wrong in `data`. */
  check(type: string, data: unknown, at?: string): void
  /** The event with the schema's output as `data`; one of a type that is not declared is handed on as it is. Throws `event_invalid`. */
  receive(event: TidingsEvent): TidingsEvent
  /**
   * The handlers, each called with what `receive` gives. Of an event that does not fit the first throws what `receive` threw,
   * and the others hear nothing: it is reported once.
   */
  handlers(handlers: object): Readonly<Record<string, (event: TidingsEvent) => unknown>>
}

/**
 * Declares the types of events once, for both ends (E2): `publish` and `subscribe` are typed by it, a publish with a wrong
 * payload is refused, and a reader gets the output of the schema. A type that is not declared is refused at publish and in
 * filters, unless `open` is true. What is checked is `data` as it arrives, so after JSON. Throws `option_invalid` for what is
 * no schema, `type_invalid` and `type_reserved` for a type that nobody may publish.
 */
export function defineEvents<const Schemas extends EventSchemas, const Open extends boolean = false>(
  schemas: Schemas,
  options: { readonly open?: Open } = {},
): DeclaredEvents<Schemas, Open> {
  const { open = false, ...unknown } = options
  const [other] = Object.keys(unknown)
  if (other !== undefined || typeof open !== 'boolean') {
    const field = other ?? 'open'
    throw new TidingsError('option_invalid', `"${field}": the only option of events is "open", true or false.`, {
      field,
    })
  }
  if (typeof schemas !== 'object' || schemas === null) {
    throw new TidingsError('option_invalid', 'Events are declared as an object of schemas by type.', {
      field: 'events',
    })
  }
  const declared = new Map<string, Schema>()
  for (const [type, schema] of Object.entries(schemas)) {
    declared.set(checkPublishType(type, 'events'), checkSchema(schema, `events[${JSON.stringify(type)}]`))
  }
  const checkType = (type: string, field = 'type'): void => {
    if (open || declared.has(type) || type.startsWith('job.')) return
    throw new TidingsError(
      'type_invalid',
      `Type "${type}" is not declared. Declared are ${[...declared.keys()].join(', ')}. Declare it, or make the events "open".`,
      { field },
    )
  }
  const receive = (event: TidingsEvent): TidingsEvent => {
    const schema = declared.get(event.type)
    return schema ? { ...event, data: applySchema(schema, event.data, 'data', 'event_invalid') } : event
  }
  /** Several handlers hear one event: it is received once. Null: it did not fit, which has been said. */
  const received = new WeakMap<TidingsEvent, TidingsEvent | null>()
  return {
    schemas,
    open: open as Open,
    checkType,
    check(type, data, at = '') {
      checkType(type, `${at}type`)
      const schema = declared.get(type)
      if (schema) applySchema(schema, asItArrives(data), `${at}data`, 'event_invalid')
    },
    receive,
    handlers: (handlers) =>
      Object.fromEntries(
        Object.entries(handlers as Readonly<Record<string, (event: TidingsEvent) => unknown>>).map(
          ([type, handler]) => [
            type,
            (event: TidingsEvent) => {
              let known = received.get(event)
              if (known === undefined) {
                received.set(event, null)
                known = receive(event)
                received.set(event, known)
              }
              return known && handler(known)
            },
          ],
        ),
      ),
  }
}

/** JSON has no dates, no maps and no `undefined`: what would arrive is what must fit. What is no JSON is refused elsewhere. */
function asItArrives(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data ?? null
  try {
    return JSON.parse(JSON.stringify(data))
  } catch {
    return data
  }
}

/** What was declared, or that nothing was. */
export type MaybeDeclared = DeclaredEvents | undefined

/** The declared schemas; none without a declaration. */
type SchemasOf<Declared extends MaybeDeclared> = [Declared] extends [DeclaredEvents<infer Given>] ? Given : EventSchemas

type DeclaredType<Declared extends MaybeDeclared> = [Declared] extends [DeclaredEvents]
  ? keyof SchemasOf<Declared> & string
  : never

/** Whether other types than the declared ones may be named. */
type IsOpen<Declared extends MaybeDeclared> = [Declared] extends [DeclaredEvents<EventSchemas, false>] ? false : true

/** The types that may be published: the declared ones, or any. */
export type TypeOf<Declared extends MaybeDeclared> =
  | DeclaredType<Declared>
  | (IsOpen<Declared> extends true ? string & {} : never)

/** The types that may be asked for. */
export type FilterOf<Declared extends MaybeDeclared> = TypeOf<Declared> | JobTidingsEvent['type']

/** `data` as it is published. */
export type DataInput<Declared extends MaybeDeclared, Type extends string> =
  Type extends DeclaredType<Declared> ? InputOf<SchemasOf<Declared>[Type]> : unknown

/** What the hub itself says of jobs. */
export type JobTidingsEvent =
  | { [Type in Exclude<JobEventType, 'job.log'>]: TidingsEvent<Type, Job> }[Exclude<JobEventType, 'job.log'>]
  | TidingsEvent<'job.log', JobLog>
type JobEventType = (typeof jobEventTypes)[keyof typeof jobEventTypes]

/** An event of one type as readers get it. `Other` is the data of a type that nobody declared. */
export type EventOfType<Declared extends MaybeDeclared, Type extends string, Other = unknown> = Type extends string
  ? Type extends DeclaredType<Declared>
    ? TidingsEvent<Type, OutputOf<SchemasOf<Declared>[Type]>>
    : Type extends JobEventType
      ? Extract<JobTidingsEvent, { readonly type: Type }>
      : TidingsEvent<string, Other>
  : never

/** Any event as readers get it: by `type` one of the declared ones or of what jobs say; without a declaration, anything. */
export type EventOf<Declared extends MaybeDeclared> =
  IsOpen<Declared> extends true ? TidingsEvent : EventOfType<Declared, DeclaredType<Declared> | JobEventType>
