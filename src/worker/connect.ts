import type { TokenAnswer } from '../client/index.js'
import { type Clock, systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type MakeId, uuidv7Ids } from '../ids.js'
import { type Random, systemRandom } from '../random.js'
import { createJobsFace, type Jobs } from '../work/jobs.js'
import { Followed } from './followed.js'
import { remoteJobs } from './remote.js'
import { Requests } from './requests.js'

export interface ConnectJobsOptions {
  /** Where the hub is mounted: `https://example.com/tidings`. */
  readonly url: string
  /**
   * Gives a token with a publish grant for `job:*` (A4), and a subscribe grant to hear of cancels at once; without that
   * they are heard with the next command. Asked at first, for each stream, and with `refresh: true` after a 401, once for all that were refused together.
   */
  readonly getToken?: (options: { refresh: boolean }) => TokenAnswer
  /** Failures that nobody waits for: an increment that was not awaited, a job function that threw. Default: one line on stderr. */
  readonly onError?: (error: unknown) => void
  /** Default: the platform's, as are `random` and `fetch`. */
  readonly clock?: Clock
  readonly random?: Random
  /** Ids of jobs and of commands. Default: UUIDv7. */
  readonly makeId?: MakeId
  readonly fetch?: typeof globalThis.fetch
}

/** {@link Jobs} of a hub in another process. */
export interface RemoteJobs extends Jobs {
  /** Gives up what is not answered yet and closes the stream. Only needed to stop early: when no job runs nothing is open. */
  close(): void
}

/**
 * The face of `hub.jobs` over HTTP (J11). Every command carries its own id and is sent again with it after a lost answer,
 * with backoff, until it is answered or, within five minutes of uncertainty, given up as `indeterminate`; a repeated
 * command counts once.
 * Throws `option_invalid` for a `url` that is none.
 */
export function connectJobs(options: ConnectJobsOptions): RemoteJobs {
  const {
    getToken,
    clock = systemClock,
    random = systemRandom,
    fetch = globalThis.fetch,
    onError = writeError,
  } = options
  const makeId = options.makeId ?? uuidv7Ids(clock, random)
  const url = checkUrl(options.url)
  const closing = new AbortController()
  const requests = new Requests({ url, getToken, fetch, clock, random })
  const followed = new Followed({ url, getToken, fetch, clock, random }, onError)
  const port = remoteJobs(requests, followed.follow)
  const face = createJobsFace(port, { clock, random, makeId, onError, closing: closing.signal })
  return {
    ...face,
    close() {
      closing.abort()
      followed.close()
    },
  }
}

function checkUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new TidingsError(
      'option_invalid',
      `"url" must be an absolute http or https URL, not ${JSON.stringify(url)}.`,
      {
        field: 'url',
      },
    )
  }
  return url.replace(/\/+$/, '')
}

function writeError(error: unknown): void {
  console.error('tidings: a job failed or a command of it was lost:', error)
}
