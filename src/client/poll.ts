import type { Clock } from '../clock.js'
import type { PollBody } from '../protocol/poll.js'
import { firstPace, type Pace, paceAfter, paceAfterCut } from './pace.js'
import { type Access, ask, type ReadStream } from './sse.js'
import type { Failed, Stream, StreamNews } from './state.js'

/** Beyond what the hub may hold an answer, it has this long to arrive. */
const answerWithinMs = 10_000
/** What counts as a heartbeat here: the longest silence of polls that go well is an interval and a slow answer. */
const heartbeatMs = 30_000
/** Statuses by which something before the hub says that it would not wait for an answer. */
const cutStatuses = [408, 502, 504]

type Answer = { readonly body: PollBody; readonly connectionId: string }

/**
 * Polls from a cursor and tells what a stream would have told (spec C4): the first answer is its `hello`, and the cursor
 * at the end of each is a `ping`. Ends where not even an answer at once comes through.
 */
export const readPolls: ReadStream = async (access, stream, refresh, signal, tell) => {
  const { clock } = access
  let { cursor } = stream
  let pace: Pace | null = firstPace
  for (let first = true; pace; ) {
    await wait(clock, pace.pauseMs, signal)
    const askedAt = clock.monotonic()
    const answer = await poll(access, { ...stream, cursor }, refresh && first, {}, signal, pace.waitS)
    if (answer && 'status' in answer) return tell(answer)
    if (!answer) {
      pace = paceAfterCut(pace)
      continue
    }
    const { body, connectionId } = answer
    if (first) tell({ type: 'message', name: 'hello', cursor, data: { connectionId, heartbeatMs } })
    first = false
    for (const news of messagesOf(body, cursor)) tell(news)
    cursor = body.cursor
    tell({ type: 'byte', cursor })
    const quiet = body.events.length === 0 && !body.gaps
    pace = paceAfter(pace, { quiet, more: !body.upToDate, tookMs: clock.monotonic() - askedAt })
  }
  throw new Error('Polls are not answered.')
}

/**
 * One poll, held for up to `waitS`; `more` goes into its query. Its answer, a refusal, or null where it was cut on the way.
 * Rejects when `signal` fires.
 */
export async function poll(
  access: Access,
  stream: Pick<Stream, 'request' | 'cursor'>,
  refresh: boolean,
  more: Record<string, string>,
  signal: AbortSignal,
  waitS = 0,
): Promise<Answer | Failed | null> {
  const stop = new AbortController()
  const end = (): void => stop.abort()
  signal.addEventListener('abort', end)
  const timer = access.clock.setTimer(end, waitS * 1_000 + answerWithinMs)
  // A sign-in knows of no signal: one that hangs must not hold the poll for ever.
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason))
  })
  try {
    const asked = ask(access, stream, refresh, 'application/json', { ...more, wait: `${waitS}` }, stop.signal)
    const response = await Promise.race([asked, stopped])
    if ('error' in response) return cutStatuses.includes(response.status) && waitS > 0 ? null : response
    const body: PollBody = await response.json()
    return { body, connectionId: response.headers.get('Tidings-Connection-Id') ?? '' }
  } catch {
    signal.throwIfAborted()
    return null
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', end)
    // Of what was not read, such as the page of a proxy, the rest is let go of.
    end()
  }
}

/**
 * The parts of an answer, asked for at `before`, as a stream would have told them. An event's own cursor has the epoch of the
 * answer's (P8.8); what has none leaves the reader where it is.
 */
function messagesOf({ events, gaps = [], snapshots = [], cursor }: PollBody, before: string): StreamNews[] {
  const epoch = cursor.slice(0, cursor.lastIndexOf('.'))
  let at = before
  const message = (name: string, data: unknown, next = at): StreamNews => {
    at = next
    return { type: 'message', name, cursor: at, data }
  }
  return [
    ...gaps.map((gap) => message('gap', gap)),
    ...snapshots.map((snapshot) => message('snapshot', snapshot)),
    ...events.map((event) => message(event.type, event, event.seq === undefined ? undefined : `${epoch}.${event.seq}`)),
    message('ping', { cursor, degraded: false }, cursor),
  ]
}

/** Rejects when `signal` fires. */
export async function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  // What was told may have led to it.
  signal.throwIfAborted()
  await new Promise<void>((resolve) => {
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(done, ms, { keepsProcess: true })
    signal.addEventListener('abort', done)
  })
  signal.throwIfAborted()
}
