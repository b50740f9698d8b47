import type { ErrorCode } from '../../errors.js'
import { type Schema, named } from './schema.js'

/** A parameter of a query. */
export interface QueryParameter {
  readonly name: string
  readonly schema: Schema
  /** It may be given several times. */
  readonly repeated?: true
}

/** What an answer carries; null: nothing. By media type where it is not JSON. */
export type Content = string | null | { readonly mediaType: string; readonly schema: Schema }

/** One method of one path, as the API's description tells of it. */
export interface Operation {
  /** A name that code generators can use. */
  readonly id: string
  readonly summary: string
  /** The clauses of PROTOCOL.md. */
  readonly clauses: string
  readonly needs: 'nothing' | 'a credential' | 'the admin grant' | 'the admin grant of the namespace default'
  readonly query?: readonly QueryParameter[]
  readonly body?: { readonly schema: Schema; readonly required: boolean; readonly example?: unknown }
  readonly answers: Readonly<Record<number, { readonly means: string; readonly content: Content | readonly Content[] }>>
  /** Refusals that are its own, beside those that any request may get. */
  readonly refusals?: readonly ErrorCode[]
}

export const body = (name: string, example?: unknown, required = true): NonNullable<Operation['body']> => ({
  schema: named(name),
  required,
  ...(example !== undefined && { example }),
})

export const query = (name: string, schema: Schema): QueryParameter => ({ name, schema })
