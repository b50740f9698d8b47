import { expect, test } from 'vitest'
import { Frame } from '#src/hub/frame.js'
import { Subscription } from '#src/hub/subscription.js'
import type { GapNotice } from '#src/protocol/control.js'

const event = (n: number): Frame => {
  const envelope = {
    id: `e${n}`,
    type: 'n',
    topic: 't',
    seq: n,
    timestamp: 1,
    priority: 'normal',
    source: 's',
    version: 1,
  }
  return Frame.ofEvent(JSON.stringify({ ...envelope, data: n }), 'n', null, true)
}
const gap = Frame.ofControl('gap', { reason: 'lost', cursor: 'e.9' } satisfies GapNotice)

test('D9, D4: in process a gap is told between the events between which it lies, however slowly they are taken', async () => {
  const seen: unknown[] = []
  const subscription = new Subscription(
    ({ reason }) => seen.push(reason),
    (each) => each,
    () => {},
  )
  for (const frame of [event(1), event(2), gap, event(3)]) subscription.push(frame)
  expect(seen).toEqual([])
  for (let n = 0; n < 3; n++) seen.push((await subscription.next()).value.data)
  expect(seen).toEqual([1, 2, 'lost', 3])
  // Who waits is told at once, and goes on waiting.
  const next = subscription.next()
  subscription.push(gap)
  expect(seen.at(-1)).toBe('lost')
  subscription.push(event(4))
  expect((await next).value.data).toBe(4)
})
