import { TidingsError } from '../../errors.js'
import type { Position } from '../../protocol/cursor.js'
import type { Append, AppendResult, State } from '../store.js'
import { encodeContent } from './content.js'
import { list, type Reply, word } from './port.js'

/** One append as arguments of the script, ready to share a call with others. */
export interface AppendRequest {
  readonly args: readonly string[]
  /** About the bytes it sends. */
  readonly bytes: number
  /** Topics of all its events together: what the server's time goes by. */
  readonly entries: number
  readonly append: Append
}

/** An append may wait for about so long behind others before it is carried out. */
const waitsMs = 1_000

export function encodeAppend(append: Append): AppendRequest {
  const { commands = [], events, states = [], exempt = false, triedMs } = append
  const simple = commands.length === 0 && states.length === 0 && events.length === 1 && !exempt && triedMs === undefined
  const tried = triedMs === undefined ? -1 : Math.ceil(triedMs) + waitsMs
  const args = [simple ? '' : `${commands.length} ${events.length} ${states.length} ${exempt ? 1 : 0} ${tried}`]
  let bytes = 64
  let entries = 0
  for (const { id, digest } of commands) args.push(id, digest)
  for (const event of events) {
    const topics = event.topics.length > 1 ? [...new Set(event.topics)] : event.topics
    // As `eventBytes` counts; Node does it without looking at each character.
    const size = Buffer.byteLength(event.body) + Buffer.byteLength(event.id) + Buffer.byteLength(event.type)
    const count = event.fresh ? -topics.length : topics.length
    // Bytes times two, plus one where several topics share it: so it stands in the log.
    const entry = size * 2 + (topics.length > 1 ? 1 : 0)
    args.push(event.id, event.digest, String(entry), encodeContent(event, topics), String(count), ...topics)
    bytes += size + 200
    entries += topics.length
    for (const topic of topics) bytes += topic.length
  }
  for (const { topic, expect, value, group = '', label = '', deadline } of states) {
    args.push(topic, String(expect), value === null ? '0' : '1', value ?? '', group, label)
    if (deadline === 'kept') args.push('kept', '0')
    else args.push(deadline ? String(Math.round(deadline.afterMs)) : '', deadline?.lease ? '1' : '0')
    bytes += (value?.length ?? 0) + 100
  }
  return { args, bytes, entries, append }
}

/** Where it happened: the same for all that shared the call. */
export interface AppendMoment {
  readonly epoch: string
  readonly timestamp: number
  readonly quotaBytes: number
}

export function decodeOutcome(append: Append, reply: Reply | undefined, moment: AppendMoment): AppendResult {
  const { epoch, timestamp } = moment
  if (typeof reply === 'number') {
    let seq = reply - append.events.length
    return {
      outcome: 'stored',
      position: { epoch, seq: reply },
      timestamp,
      events: append.events.map(({ id }) => ({ id, seq: ++seq, duplicate: false })),
    }
  }
  const [outcome, second, third] = list(reply)
  switch (outcome) {
    case 'stored': {
      const numbers = list(third).map(Number)
      const events = append.events.map(({ id }, at) => {
        const number = numbers[at] ?? 0
        return { id, seq: Math.abs(number), duplicate: number < 0 }
      })
      return { outcome, position: { epoch, seq: Number(second) }, timestamp, events }
    }
    case 'repeated':
      return { outcome, ids: list(reply).slice(1).map(word) }
    case 'reused':
      return { outcome, id: word(second) }
    case 'conflict': {
      const upTo: Position = { epoch, seq: Number(second) }
      return { outcome, states: list(third).map((one) => ({ state: decodeState(one), upTo, timestamp })) }
    }
    case 'forgotten':
      return { outcome }
    case 'quota':
      return { outcome, keptBytes: Number(second), quotaBytes: moment.quotaBytes }
    default:
      throw new TidingsError('internal', `The append script replied ${JSON.stringify(reply)}.`)
  }
}

export function decodeState(reply: Reply | undefined): State | null {
  const [topic, version, value] = list(reply)
  return Number(version) > 0 ? { topic: word(topic), version: Number(version), value: word(value) } : null
}
