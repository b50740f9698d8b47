import type { EventContent } from '../protocol/event.js'

/** What an event counts for in retention and quota: the UTF-8 bytes of its id, type and body, under each of its topics. */
export function eventBytes(event: EventContent): number {
  return utf8Bytes(event.body) + utf8Bytes(event.id) + utf8Bytes(event.type)
}

/** UTF-8 bytes of `text` without encoding it: this runs on every event, and an encoder would allocate as much again. */
export const utf8Bytes: (text: string) => number =
  typeof Buffer === 'undefined' ? countUtf8 : (text) => Buffer.byteLength(text)

function countUtf8(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // A surrogate pair is 4 bytes for 2 units: the first unit brings 2 more, the second none.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1))) at++
  }
  return bytes
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000
