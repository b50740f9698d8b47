import { type Client, createClient } from '../client/index.js'
import type { Job } from '../protocol/job.js'
import type { RequestParts } from './requests.js'

/** The jobs that run here, followed over one stream, which is open only while there are any. */
export class Followed {
  readonly #parts: RequestParts
  readonly #onError: (error: unknown) => void
  #client: Client | null = null
  #jobs = 0

  constructor(parts: RequestParts, onError: (error: unknown) => void) {
    this.#parts = parts
    this.#onError = onError
  }

  /** Calls back with the job as it is, then with each newer version, until the returned function is called. */
  readonly follow = (jobId: string, changed: (job: Job) => void): (() => void) => {
    this.#client ??= this.#connect()
    this.#jobs++
    const state = this.#client.job(jobId)
    let version = 0
    const look = (): void => {
      const job = state.getSnapshot()
      if (!job || job.version <= version) return
      version = job.version
      changed(job)
    }
    const undo = state.subscribe(look)
    look()
    let done = false
    return () => {
      if (done) return
      done = true
      undo()
      if (--this.#jobs === 0) this.close()
    }
  }

  #connect(): Client {
    const { url, getToken, fetch, clock, random } = this.#parts
    const client = createClient({ url, ...(getToken && { getToken }), fetch, clock, random })
    // Connection trouble mends itself; a stream that is not allowed never comes.
    client.onError((error) => {
      if (error.kind === 'authentication' || error.kind === 'client') this.#onError(error)
    })
    return client
  }

  close(): void {
    this.#client?.close()
    this.#client = null
    this.#jobs = 0
  }
}
