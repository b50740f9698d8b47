import { TidingsError } from '../errors.js'
import type { Counters, Job, NewJob } from './job.js'
import { checkNewJob } from './job-input.js'
import { type InputOf, type Schema, applySchema, checkSchema } from './schema.js'

/** What {@link defineJob} takes. Names and schemas, nothing else: the types of everything that touches such a job come from here. */
export interface JobDeclaration {
  /** 1–128 characters. */
  readonly kind: string
  /** The names of its counters: with a declaration, others cannot be raised. They begin at 0. */
  readonly counters?: readonly string[]
  /** Of what it is completed with, checked when it is. Any synchronous Standard Schema. Absent: any JSON. */
  readonly result?: Schema
  /** Of what it is created with, checked when it is. Absent: any JSON. */
  readonly meta?: Schema
}

/** A kind of jobs, for `hub.jobs.of(definition)` and `connectJobs(…).of(definition)`. */
export interface DefinedJob<Declaration extends JobDeclaration = JobDeclaration> {
  readonly kind: Declaration['kind']
  readonly declaration: Declaration
  /** The job as it is created: its kind, its counters from 0. Throws `job_invalid` naming the path in `meta`. */
  newJob(given: Omit<NewJob, 'kind'>): NewJob
  /** Throws `job_invalid` for a counter that is not declared. */
  checkCounters(counters: Counters, field?: string): void
  /** Throws `job_invalid` naming the path in `result`. What is kept is what was given. */
  checkResult(result: unknown): void
}

/**
 * Declares a kind of jobs once: `hub.jobs.of(crawl)` is then typed by it, from `create` to the result of `run` (J1). Throws
 * `job_invalid` and `option_invalid` naming the field.
 */
export function defineJob<const Declaration extends JobDeclaration>(declaration: Declaration): DefinedJob<Declaration> {
  const known = ['kind', 'counters', 'result', 'meta']
  const { kind, counters, result, meta } = declaration
  for (const name of Object.keys(declaration)) {
    if (known.includes(name)) continue
    throw new TidingsError('option_invalid', `"${name}" is no part of a job's declaration: ${known.join(', ')}.`, {
      field: name,
    })
  }
  const zeros = counters && Object.fromEntries(counters.map((name) => [name, 0]))
  checkNewJob({ owner: 'user:0', kind, ...(zeros && { counters: zeros }) })
  if (result) checkSchema(result, 'result')
  if (meta) checkSchema(meta, 'meta')
  const checkCounters = (given: Counters, field = 'increment'): void => {
    for (const name of zeros ? Object.keys(given) : []) {
      if (Object.hasOwn(zeros ?? {}, name)) continue
      const at = `${field}.${name}`
      throw new TidingsError('job_invalid', `"${at}" is no counter of "${kind}": ${counters?.join(', ')}.`, {
        field: at,
      })
    }
  }
  return {
    kind,
    declaration,
    newJob(given) {
      if (given.counters) checkCounters(given.counters, 'counters')
      if (meta) applySchema(meta, given.meta, 'meta', 'job_invalid')
      return { ...given, kind, ...(zeros && { counters: { ...zeros, ...given.counters } }) }
    },
    checkCounters,
    checkResult(given) {
      if (result) applySchema(result, given, 'result', 'job_invalid')
    },
  }
}

type Declared<Definition> = Definition extends DefinedJob<infer Declaration> ? Declaration : never

/** The names of a kind's counters. */
export type CounterOf<Definition extends DefinedJob> =
  Declared<Definition> extends {
    readonly counters: readonly (infer Name extends string)[]
  }
    ? Name
    : string

export type CountersOf<Definition extends DefinedJob> = { readonly [Name in CounterOf<Definition>]?: number }

/** What a job of this kind is completed with. */
export type ResultOf<Definition extends DefinedJob> =
  Declared<Definition> extends { readonly result: infer Given extends Schema } ? InputOf<Given> : unknown

export type MetaOf<Definition extends DefinedJob> =
  Declared<Definition> extends { readonly meta: infer Given extends Schema } ? InputOf<Given> : unknown

/** A job of this kind. Its result and meta are as they were given: the schemas check them and change nothing. */
export interface JobOf<Definition extends DefinedJob> extends Omit<Job, 'kind' | 'counters' | 'result' | 'meta'> {
  readonly kind: Definition['kind']
  readonly counters: { readonly [Name in CounterOf<Definition>]: number }
  readonly result?: ResultOf<Definition>
  readonly meta?: MetaOf<Definition>
}

/** What a job of this kind is created with. */
export type NewJobOf<Definition extends DefinedJob> = Omit<NewJob, 'kind' | 'counters' | 'meta'> & {
  readonly counters?: CountersOf<Definition>
} & (Declared<Definition> extends { readonly meta: Schema }
    ? { readonly meta: MetaOf<Definition> }
    : { readonly meta?: unknown })
