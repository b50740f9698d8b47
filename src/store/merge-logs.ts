import { eventBytes } from './event-size.js'
import type { StoredEvent } from './store.js'
import type { TopicLog } from './topic-log.js'

/** The events of several logs after a number, ascending, each once, as many as the limits allow and at least one. */
export function mergeLogs(
  logs: readonly TopicLog[],
  after: number,
  limits: { readonly limit: number; readonly maxBytes: number },
): { events: StoredEvent[]; more: boolean } {
  const heads = logs.flatMap((log) => {
    const rest = log.after(after)
    const { value } = rest.next()
    return value ? [{ event: value, rest }] : []
  })
  const events: StoredEvent[] = []
  let bytes = 0
  while (heads.length > 0) {
    let next = heads[0]!.event
    for (const { event } of heads) if (event.seq < next.seq) next = event
    bytes += eventBytes(next)
    if (events.length > 0 && (events.length >= limits.limit || bytes > limits.maxBytes)) return { events, more: true }
    events.push(next)
    for (let at = heads.length - 1; at >= 0; at--) {
      const head = heads[at]!
      if (head.event.seq !== next.seq) continue
      const { value } = head.rest.next()
      if (value) head.event = value
      else heads.splice(at, 1)
    }
  }
  return { events, more: false }
}
