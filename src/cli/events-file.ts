import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { type DeclaredEvents, type Schema, defineEvents } from '../declare.js'
import { contradiction, refusal } from './refusal.js'
import { type ValuesOf, onOff, text } from './setting.js'

/** The types of events of a stand-alone hub (E2). */
export const eventsSettings = {
  events: text('--events <file>', 'JSON file that declares the events: a JSON Schema (2020-12) of `data` by type'),
  eventsOpen: onOff('--events-open', 'takes types that the file does not declare too'),
} as const

/** Undefined: any type, any data. Throws `option_invalid` naming the file, and the type whose schema is none. */
export function planEvents({ events: file, eventsOpen }: ValuesOf<typeof eventsSettings>): DeclaredEvents | undefined {
  if (file === undefined) {
    if (eventsOpen) throw contradiction('--events-open', 'no --events', 'Without a file every type is taken.')
    return undefined
  }
  // What a schema does not know is a typing error, which would let everything pass.
  const ajv = new Ajv2020({ strictSchema: true, validateFormats: false, logger: false })
  const schemas = Object.entries(declarationsIn(file)).map(([type, schema]) => {
    try {
      const check = ajv.compile(schema as object)
      // Its answer would be a promise, which lets everything in and ends the process with what does not fit.
      if ('$async' in check) throw new Error('"$async" has no meaning here')
      return [type, standardOf(check)] as const
    } catch (cause) {
      throw refusal('--events', `${file}: the schema of "${type}" is none: ${(cause as Error).message}.`)
    }
  })
  return defineEvents(Object.fromEntries(schemas), { open: eventsOpen ?? false })
}

function declarationsIn(file: string): Readonly<Record<string, unknown>> {
  let found: unknown
  try {
    found = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw refusal('--events', `${file} cannot be read as JSON: ${(cause as Error).message}.`)
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw refusal('--events', `${file} must be an object: a JSON Schema by event type.`)
  return found as Readonly<Record<string, unknown>>
}

/** A JSON Schema as the hub takes schemas. What fits is handed on as it is. */
const standardOf = (check: ValidateFunction): Schema => ({
  '~standard': {
    version: 1,
    vendor: 'json-schema',
    validate: (value) => (check(value) ? { value } : { issues: (check.errors ?? []).map(issueOf) }),
  },
})

function issueOf({ instancePath, message = 'does not fit', params }: ErrorObject) {
  const { additionalProperty } = params as { additionalProperty?: string }
  const path = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  return { message, path: additionalProperty === undefined ? path : [...path, additionalProperty] }
}
