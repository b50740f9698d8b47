import { type Client, createClient } from '../client/index.js'
import type { Job } from '../protocol/job.js'
import { defaults } from '../protocol/defaults.js'
import type { RequestParts } from './requests.js'

/** One stream, and the ends of what it carries: one a job. */
interface Line {
  readonly client: Client
  readonly jobs: Set<() => void>
}

/**
 * The jobs that run here, followed over as few streams as the hub's limit of topics allows (spec §12). Each is open only
 * while it carries jobs.
 */
export class Followed {
  readonly #parts: RequestParts
  readonly #onError: (error: unknown) => void
  readonly #lines = new Set<Line>()

  constructor(parts: RequestParts, onError: (error: unknown) => void) {
    this.#parts = parts
    this.#onError = onError
  }

  /** Calls back with the job as it is, then with each newer version, until the returned function is called. */
  readonly follow = (jobId: string, changed: (job: Job) => void): (() => void) => {
    const line = this.#lineWithRoom()
    const state = line.client.job(jobId)
    let version = 0
    const look = (): void => {
      const job = state.getSnapshot()
      if (!job || job.version <= version) return
      version = job.version
      changed(job)
    }
    const undo = state.subscribe(look)
    line.jobs.add(undo)
    look()
    return () => {
      undo()
      if (line.jobs.delete(undo) && line.jobs.size === 0) this.#end(line)
    }
  }

  close(): void {
    for (const line of this.#lines) this.#end(line)
  }

  #lineWithRoom(): Line {
    for (const line of this.#lines) if (line.jobs.size < defaults.topicsPerStream) return line
    const line = { client: this.#connect(), jobs: new Set<() => void>() }
    this.#lines.add(line)
    return line
  }

  #end(line: Line): void {
    this.#lines.delete(line)
    for (const undo of line.jobs) undo()
    line.jobs.clear()
    line.client.close()
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
}
