import { type HubEvent, topicsOf } from '../../hub/event.js'
import { curlOf, tokenVariable } from '../../hub/curl.js'

const authorization = { Authorization: `Bearer ${tokenVariable}` }

/** Publishes an event like this one, with an id of its own. Events of jobs come from jobs alone: those are read instead. */
export function curlOfEvent(hubUrl: string, event: HubEvent, cursor: string | null): string {
  const topics = topicsOf(event)
  const isJobs = topics.some((topic) => /^jobs?:/.test(topic)) || event.type.startsWith('job.')
  if (isJobs) return curlOfReading(hubUrl, event, cursor)
  const { type, priority, source, data, metadata, volatile } = event
  const body = {
    ...(topics.length === 1 ? { topic: topics[0] } : { topics }),
    type,
    data,
    ...(priority !== 'normal' && { priority }),
    ...(source !== 'tidings' && { source }),
    ...(metadata && { metadata }),
    ...(volatile && { volatile }),
  }
  return curlOf({ url: `${hubUrl}/events`, method: 'POST', headers: authorization, body })
}

/** Streams the topic of an event from right before it. */
function curlOfReading(hubUrl: string, event: HubEvent, cursor: string | null): string {
  const query = new URLSearchParams({ topic: event.topic, since: before(cursor) ?? 'start' })
  return curlOf({ url: `${hubUrl}/events?${query}`, headers: authorization, stream: true })
}

/** A cursor is `<epoch>.<seq>`; the one before an event is one number less, whether or not an event has it. */
function before(cursor: string | null): string | null {
  const [, epoch, seq] = /^(.+)\.(\d+)$/.exec(cursor ?? '') ?? []
  return epoch === undefined || seq === undefined ? null : `${epoch}.${BigInt(seq) - 1n}`
}
