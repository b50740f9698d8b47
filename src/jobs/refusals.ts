import { TidingsError } from '../errors.js'

export const notFound = (jobId: string): TidingsError =>
  new TidingsError(
    'not_found',
    `There is no job ${JSON.stringify(jobId.slice(0, 128))}: it never was, or its time after its end is over.`,
    {
      field: 'id',
    },
  )

export const reused = (id: string): TidingsError =>
  new TidingsError('id_reused', `The id of ${id} was used before for something else. Give each command its own id.`, {
    field: 'id',
  })

export const overflow = (field: string): TidingsError =>
  new TidingsError(
    'job_invalid',
    `"${field}" would make a counter larger than 2^53 − 1, or there are too many counters.`,
    { field },
  )

export const overQuota = (keptBytes: number, quotaBytes: number): TidingsError =>
  new TidingsError(
    'quota',
    `The namespace keeps ${keptBytes} bytes; its quota is ${quotaBytes}. Ends and cancels are still taken.`,
  )

export interface Deferred<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

/** `Promise.withResolvers`, which Node 20 lacks. */
export function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
