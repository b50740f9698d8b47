import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type ErrorCode, TidingsError } from '../errors.js'

/** Any synchronous Standard Schema: zod, valibot, arktype and others (https://standardschema.dev). */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>

/** What is given to a schema, and what it makes of it. */
export type InputOf<Given extends Schema> = StandardSchemaV1.InferInput<Given>
export type OutputOf<Given extends Schema> = StandardSchemaV1.InferOutput<Given>

/** Returns `schema` when it is one. Throws `option_invalid` naming `field`. */
export function checkSchema(schema: unknown, field: string): Schema {
  // arktype's schemas are functions.
  const standard = (typeof schema === 'object' && schema !== null) || typeof schema === 'function' ? schema : {}
  const { version, validate } = (standard as Partial<Schema>)['~standard'] ?? {}
  if (version !== 1 || typeof validate !== 'function') {
    throw new TidingsError(
      'option_invalid',
      `"${field}" is no Standard Schema (version 1). zod, valibot and arktype make them.`,
      { field },
    )
  }
  return schema as Schema
}

/**
 * What the schema makes of `value`. Throws `code` with the path of the first issue in its `field` (`data.pages[3].url`), and
 * `option_invalid` for a schema that answers with a promise: nothing here can wait for it.
 */
export function applySchema(schema: Schema, value: unknown, field: string, code: ErrorCode): unknown {
  let result: ReturnType<Schema['~standard']['validate']>
  try {
    result = schema['~standard'].validate(value)
  } catch (cause) {
    throw new TidingsError(code, `The schema of "${field}" threw instead of naming an issue.`, { field, cause })
  }
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new TidingsError(
      'option_invalid',
      `The schema of "${field}" is asynchronous; only synchronous ones can be used.`,
      {
        field,
      },
    )
  }
  const [issue, ...others] = result.issues ?? []
  if (!result.issues) return result.value
  const at = field + (issue?.path ?? []).map(stepOf).join('')
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  throw new TidingsError(code, `"${at}": ${issue?.message ?? 'refused by its schema'}${more}`, { field: at })
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof step === 'object' ? step.key : step
  return typeof key === 'number' ? `[${key}]` : `.${String(key)}`
}
