import { TidingsError } from '../errors.js'
import { checkPublishType } from './event.js'
import type { Schema } from './schema.js'

/** `data` of a `notification`. */
export interface Notification {
  /** One line, not empty. */
  readonly title: string
  readonly message?: string
  /** Absent: `info`. */
  readonly level?: (typeof levels)[number]
  /** Where it leads: a path of the same site (`/reports/9`) or an http or https address, nothing else. */
  readonly url?: string
  /** Stays until it is closed. */
  readonly persistent?: boolean
}

/** `data` of a `system.alert`. */
export interface SystemAlert {
  readonly title: string
  readonly message?: string
  readonly severity: (typeof severities)[number]
  readonly url?: string
}

const levels = ['info', 'success', 'warning', 'error'] as const
const severities = ['info', 'warning', 'critical'] as const

/**
 * Builders of everyday events (E3): each returns `type`, `data` and, where it is not `normal`, `priority`, to be spread into a
 * publish beside its topic. They throw `event_invalid` naming the field.
 *
 *     hub.publish({ to: { users: ['7'] }, ...notification({ title: 'Report ready', level: 'success' }) })
 */
export function notification<const Data extends Notification>(data: Data) {
  return { type: 'notification', data: checked(data, notificationFields) } as const
}

/** A critical alert has the priority `critical` and is never left out (E5); a warning has `high`. */
export function systemAlert<const Data extends SystemAlert>(data: Data) {
  const { severity } = checked(data, alertFields)
  const priority = severity === 'critical' ? 'critical' : severity === 'warning' ? 'high' : 'normal'
  return { type: 'system.alert', priority, data } as const
}

/** Something that a dashboard shows has changed. */
export const dashboardUpdated = <const Data>(data: Data) => ({ type: 'dashboard.updated', data }) as const

/** A report has changed. */
export const reportUpdated = <const Data>(data: Data) => ({ type: 'report.updated', data }) as const

/** A user has changed: their name, their roles. */
export const userUpdated = <const Data>(data: Data) => ({ type: 'user.updated', data }) as const

/** An event of a type of your own. Throws `type_invalid` and `type_reserved`. */
export function custom<const Type extends string, const Data>(type: Type, data: Data) {
  checkPublishType(type)
  return { type, data } as const
}

/** Schemas of the everyday events that have a fixed shape, to be spread into `defineEvents`. */
export const everydayEvents = {
  notification: schemaOf<Notification>(() => notificationFields),
  'system.alert': schemaOf<SystemAlert>(() => alertFields),
} as const

/** What is wrong with a value, or null. */
type Check = (value: unknown) => string | null
type Fields = Readonly<Record<string, Check>>

const text: Check = (value) => (typeof value === 'string' && value.trim() !== '' ? null : 'must be a string with words')
const anyText: Check = (value) => (typeof value === 'string' ? null : 'must be a string')
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string) ? null : `must be one of ${words.join(', ')}`
const flag: Check = (value) => (typeof value === 'boolean' ? null : 'must be true or false')
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? null : check(value)

/** A link that readers click: anything but a path and http(s) could run in their page (`javascript:`). */
const link: Check = (value) =>
  typeof value === 'string' && (/^\/(?![/\\])/.test(value) || (/^https?:\/\//i.test(value) && URL.canParse(value)))
    ? null
    : 'must be a path that begins with one "/", or an http or https address'

const notificationFields: Fields = {
  title: text,
  message: optional(anyText),
  level: optional(oneOf(levels)),
  url: optional(link),
  persistent: optional(flag),
}
const alertFields: Fields = {
  title: text,
  message: optional(anyText),
  severity: oneOf(severities),
  url: optional(link),
}

/** The first fault of `data`: its field ('' for the whole) and what is wrong. */
function faultOf(data: unknown, fields: Fields): { readonly field: string; readonly what: string } | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { field: '', what: 'must be an object' }
  for (const name of Object.keys(data)) {
    if (!Object.hasOwn(fields, name))
      return { field: name, what: `is unknown. Known are ${Object.keys(fields).join(', ')}` }
  }
  for (const [name, check] of Object.entries(fields)) {
    const what = check((data as Readonly<Record<string, unknown>>)[name])
    if (what !== null) return { field: name, what }
  }
  return null
}

function checked<Data>(data: Data, fields: Fields): Data {
  const fault = faultOf(data, fields)
  if (!fault) return data
  const field = fault.field === '' ? 'data' : `data.${fault.field}`
  throw new TidingsError('event_invalid', `"${field}" ${fault.what}.`, { field })
}

/** `fields` is asked for when it is used: it stands below. */
function schemaOf<Data>(fields: () => Fields): Schema<Data> {
  return {
    '~standard': {
      version: 1,
      vendor: 'tidings',
      validate(value) {
        const fault = faultOf(value, fields())
        if (!fault) return { value: value as Data }
        return { issues: [{ message: fault.what, path: fault.field === '' ? [] : [fault.field] }] }
      },
    },
  }
}
