import { systemClock, wait } from '../../clock.js'
import { uuidv7Ids } from '../../ids.js'
import { mediaTypes, paths } from '../../protocol/names.js'
import { userTopic } from '../../protocol/topic.js'
import { systemRandom } from '../../random.js'
import { addressOf, type Target } from '../target.js'
import { type Line, ask } from './exchange.js'
import { type Finding, bad, note, ok, skipped, warning } from './finding.js'
import { WatchedStream } from './watched-stream.js'

/** Whoever waits longer for a `hello` polls instead (C4). */
const helloMs = 5_000
const roundTripMs = 5_000
/** Events sent one after the other, to see whether they come so. */
const paced = 5
const paceMs = 120

const buffering = [
  'nginx: proxy_buffering off;  and no "proxy_ignore_headers X-Accel-Buffering"',
  'other proxies: pass text/event-stream on as it comes, without buffering and compression',
]

export interface Streaming {
  readonly findings: readonly Finding[]
  /** Open still, or null. */
  readonly stream: WatchedStream | null
}

/** Opens a stream and looks how its first bytes come. */
export async function checkStream(line: Line, target: Target, user: string | null): Promise<Streaming> {
  const topics = user === null ? [] : [['topic', userTopic(user)] as const]
  let stream: WatchedStream
  try {
    stream = await WatchedStream.open(line, addressOf(target, paths.events, topics), helloMs)
  } catch (error) {
    const says = `A stream gets no answer (${(error as Error).message}) while other requests do: a proxy waits for its end.`
    return { findings: [bad('buffering', says, ...buffering)], stream: null }
  }
  const { status, headers, headersMs } = stream.opened
  const type = headers['content-type'] ?? ''
  if (status !== 200 || !type.startsWith(mediaTypes.stream)) {
    stream.close()
    return { findings: [bad('stream', `A stream is answered ${status}, ${type || 'no content type'}.`)], stream: null }
  }
  const findings: Finding[] = []
  const encoding = headers['content-encoding']
  if (encoding !== undefined) {
    findings.push(
      warning(
        'compression',
        `Streams are compressed (${encoding}): events wait in the compressor, and text of others beside secrets can be told by its length.`,
        'nginx: take text/event-stream out of gzip_types (and * too), or in this location: gzip off;',
        'or, where the hub does it: leave out --compress',
      ),
    )
  }
  if (!(await stream.until(() => stream.hello !== null, helloMs))) {
    stream.close()
    const ended = stream.endedMs !== null
    findings.push(
      ended
        ? bad(
            'cut',
            `The stream ended after ${Math.round(stream.endedMs ?? 0)} ms, before its first event.`,
            'Look at the error log of the proxy.',
          )
        : bad(
            'buffering',
            `Nothing of a stream arrives within ${helloMs / 1000} s: a proxy holds it back.`,
            ...buffering,
          ),
    )
    return { findings, stream: null }
  }
  const first = Math.round(stream.firstByteMs ?? 0)
  const hello = Math.round(stream.helloMs ?? 0)
  const times = `headers after ${Math.round(headersMs)} ms, first byte after ${first} ms, hello after ${hello} ms`
  if (hello > 1_000)
    findings.push(
      warning(
        'slow-start',
        `A stream begins late: ${times}.`,
        'Look for a proxy that holds the first bytes, or for a hub or store that is busy.',
      ),
    )
  else findings.push(ok('first-byte', `A stream begins at once: ${times}.`))
  return { findings, stream }
}

const makeId = uuidv7Ids(systemClock, systemRandom)
const type = 'tidings.doctor'

/** Publishes to the reader itself: one event of the log, then some that are not kept, paced. */
export async function checkRoundTrip(
  line: Line,
  target: Target,
  user: string | null,
  stream: WatchedStream,
): Promise<Finding[]> {
  if (user === null) return [skipped('round-trip', 'Not tried: the credential names no user.')]
  const topic = userTopic(user)
  const publish = async (body: object) =>
    await ask(line, addressOf(target, paths.events), { method: 'POST', body: { topic, type, data: {}, ...body } })
  const id = makeId()
  const beganMs = stream.ageMs
  const answer = await publish({ id, metadata: { tidingsDoctor: true } })
  if (answer.status === 403)
    return [
      skipped(
        'round-trip',
        `Not tried: the credential may not publish to ${topic}. Give a token with publish: ["${topic}"].`,
      ),
    ]
  if (answer.status >= 400)
    return [bad('round-trip', `A publish is answered ${answer.status}. ${String(answer.json?.detail ?? '')}`)]
  const arrival = (wanted: string) => stream.arrivals.find(({ data }) => data.includes(wanted))
  if (!(await stream.until(() => arrival(id) !== undefined, beganMs + roundTripMs))) {
    return [
      bad(
        'round-trip',
        `An event was published and did not arrive within ${roundTripMs / 1000} s, though the stream is open.`,
        ...buffering,
      ),
    ]
  }
  const tookMs = Math.round((arrival(id)?.atMs ?? 0) - beganMs)
  const findings: Finding[] = [ok('round-trip', `From publish to arrival: ${tookMs} ms.`)]
  if (answer.status === 202)
    findings.push(warning('queued', 'The publish waits in the hub: its store is away.', 'Look at the store.'))
  return [...findings, await checkMerging(stream, publish)]
}

async function checkMerging(stream: WatchedStream, publish: (body: object) => Promise<unknown>): Promise<Finding> {
  const ids = Array.from({ length: paced }, () => makeId())
  for (const id of ids) {
    await publish({ id, volatile: true })
    await wait(systemClock, paceMs, undefined, { keepsProcess: true })
  }
  const arrived = () => ids.flatMap((id) => stream.arrivals.find(({ data }) => data.includes(id))?.atMs ?? [])
  await stream.until(() => arrived().length === paced, stream.ageMs + 3_000)
  const times = arrived()
  if (times.length < paced)
    return note(
      'merging',
      `Of ${paced} events that are not kept, ${paced - times.length} did not arrive: the reader was not live for a moment.`,
    )
  const together = times.filter((at, index) => index > 0 && at - (times[index - 1] as number) < paceMs / 4).length
  return together < paced / 2
    ? ok('merging', `Events that were sent ${paceMs} ms apart came apart.`)
    : warning(
        'merging',
        `Events that were sent ${paceMs} ms apart came together: a proxy collects bytes before it passes them on.`,
        ...buffering,
      )
}

/** Keeps the stream for `idleMs`, and says when it is cut. */
export async function checkIdle(
  stream: WatchedStream,
  idleMs: number,
  onTick: (ageMs: number) => void,
): Promise<Finding> {
  const beganMs = stream.ageMs
  const last = () => stream.arrivals.at(-1)?.atMs ?? 0
  for (let at = beganMs; at < beganMs + idleMs && stream.endedMs === null; at = stream.ageMs) {
    onTick(stream.ageMs - beganMs)
    await stream.until(() => stream.endedMs !== null, Math.min(at + 500, beganMs + idleMs))
  }
  const heartbeatMs = stream.hello?.heartbeatMs ?? 25_000
  if (stream.endedMs !== null && stream.bye === null) {
    const silentMs = Math.round((stream.endedMs - last()) / 100) * 100
    return bad(
      'idle',
      `The stream was cut after ${silentMs / 1000} s of silence, without a word of the hub, which is silent for up to ${heartbeatMs / 1000} s.`,
      `nginx: proxy_read_timeout 60s;  (more than ${heartbeatMs / 1000} s, here and in each proxy in front)`,
      `or start the hub with a shorter --heartbeat-ms than ${silentMs}`,
    )
  }
  if (stream.bye) return note('idle', `The hub ended the stream (${stream.bye.reason}) while it was watched.`)
  const seen = stream.ageMs - last() < heartbeatMs && idleMs < heartbeatMs
  return seen
    ? note(
        'idle',
        `Nothing cut the stream in ${idleMs / 1000} s; the hub is silent for up to ${heartbeatMs / 1000} s: look longer with --idle ${Math.ceil(heartbeatMs / 1000) + 5}.`,
      )
    : ok('idle', `Nothing cut the stream in ${idleMs / 1000} s, of which up to ${heartbeatMs / 1000} s were silent.`)
}

/** Whether polls work, and are held for `waitMs`. */
export async function checkPoll(line: Line, target: Target, user: string | null, waitMs: number): Promise<Finding> {
  const topics = user === null ? [] : [['topic', userTopic(user)] as const]
  const poll = async (query: readonly (readonly [string, string])[]) =>
    await ask(line, addressOf(target, paths.events, [...topics, ...query]), {
      headers: { Accept: mediaTypes.json },
      timeoutMs: waitMs + 10_000,
    })
  const now = await poll([])
  const cursor = now.json?.cursor
  if (now.status !== 200 || typeof cursor !== 'string')
    return bad('poll', `A poll is answered ${now.status}. ${String(now.json?.detail ?? '')}`)
  const wait = Math.max(1, Math.round(waitMs / 1000))
  const held = await poll([
    ['since', cursor],
    ['wait', String(wait)],
  ])
  if (held.status !== 200)
    return bad(
      'poll',
      `A poll that is held for ${wait} s is answered ${held.status} after ${Math.round(held.tookMs)} ms.`,
      `nginx: proxy_read_timeout 60s;  (more than the 30 s for which the hub holds polls)`,
    )
  return ok('poll', `Polls work, and one was held for ${Math.round(held.tookMs / 100) / 10} s.`)
}
