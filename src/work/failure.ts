import { TidingsError } from '../errors.js'
import type { JobError } from '../protocol/job.js'

/**
 * Thrown in `jobs.run(id, fn)` it fails the job with exactly these words, which people will read. Of any other error only
 * "The job failed." is told, because messages hold paths, addresses and secrets.
 */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
  readonly code: string
  readonly retryable: boolean
  /** The mark by which http-errors and others say that a message may be shown; honoured on any error. */
  readonly expose = true

  constructor(code: string, message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** What may be told of whatever was thrown (J6). */
export function safeError(thrown: unknown): JobError {
  const { code, retryable } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Partial<JobError>
  const exposed =
    thrown instanceof Error && (thrown instanceof TidingsError || (thrown as { expose?: unknown }).expose === true)
  return {
    code: exposed && typeof code === 'string' && code.length > 0 ? code.slice(0, 128) : 'error',
    message: exposed ? thrown.message.slice(0, 300) : 'The job failed.',
    retryable: retryable === true,
  }
}
