import type { GapReason } from '../../protocol/control.js'
import type { ReadResult, StoredEvent } from '../store.js'
import { decodeStored } from './content.js'
import { list, type Reply, word } from './port.js'

export function decodeRead(topics: readonly string[], reply: readonly Reply[]): ReadResult {
  const [epochReply, from, upTo, more, gapReply, numbers, contents] = reply
  const epoch = word(epochReply)
  const gaps = new Map<GapReason, string[]>()
  const words = list(gapReply).map(word)
  for (let at = 0; at + 1 < words.length; at += 2) {
    const reason = words[at] as GapReason
    gaps.set(reason, [...(gaps.get(reason) ?? []), words[at + 1] as string])
  }
  const events: StoredEvent[] = []
  const kept = list(contents)
  for (const [at, number] of list(numbers).entries()) {
    const content = kept[at]
    const event = typeof content === 'string' ? decodeStored(Number(number), content) : null
    if (event) events.push(event)
    // It stands in the log and is gone or damaged: whose it was, nobody can tell any more.
    else gaps.set('lost', [...topics])
  }
  return {
    events,
    from: { epoch, seq: Number(from) },
    upTo: { epoch, seq: Number(upTo) },
    more: more === 1,
    gaps: [...gaps].map(([reason, those]) => ({ reason, topics: those })),
  }
}
