import { TidingsError } from '../../errors.js'
import type { KeptTopic } from '../store.js'
import { list, type Reply, word } from './port.js'

/** Topics looked at in one call: about 2 ms of Redis, for which all others wait. */
export const mostLooked = 5_000

/** What HSCAN goes on from. It counts the slots of a table: a number that long is none of ours. */
export function cursorOf(after: string): string {
  if (/^\d{1,16}$/.test(after)) return after
  throw new TidingsError('query_invalid', '"after" is no `next` of this list.', { field: 'after' })
}

export function decodeTopic(reply: Reply): KeptTopic {
  const [topic, first, last, count, bytes] = list(reply)
  return { topic: word(topic), first: Number(first), last: Number(last), count: Number(count), bytes: Number(bytes) }
}
