import { expect, test } from 'vitest'
import { fakeClock } from '#src/testing/index.js'
import { memoryStore } from '#src/store/memory.js'
import type { NewEvent } from '#src/store/store.js'

const event = (id: string, more: Partial<NewEvent> = {}): NewEvent => ({
  id,
  type: 'x',
  priority: 'normal',
  body: '"data":1',
  topics: ['a'],
  digest: '',
  fresh: true,
  ...more,
})

test('D3: an id that a hub made is known, whether it came in turn or not, and stands for nothing else', async () => {
  const store = memoryStore()
  // Two hubs on one store: their ids do not rise together.
  const made = ['m3', 'm5', 'm4', 'm9', 'm1']
  for (const id of made) await store.append('n', { events: [event(id)] })
  for (const [at, id] of made.entries()) {
    expect(await store.append('n', { events: [event(id, { fresh: false })] })).toMatchObject({
      outcome: 'stored',
      events: [{ id, seq: at + 1, duplicate: true }],
    })
    const named = event(id, { fresh: false, digest: 'other' })
    expect(await store.append('n', { events: [named] })).toEqual({ outcome: 'reused', id })
    expect(await store.append('n', { events: [], commands: [{ id, digest: '' }] })).toEqual({ outcome: 'reused', id })
  }
  expect(await store.append('n', { events: [event('m2', { fresh: false })] })).toMatchObject({
    events: [{ seq: 6, duplicate: false }],
  })
  expect(await store.idWindow('n')).toMatchObject({ ids: 6 })
})

test('D3: made and named ids are let go by one window, the oldest first', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock, idWindow: { ids: 3_000, ageMs: 10_000 } })
  const isKnown = async (id: string, digest: string) => {
    const result = await store.append('n', { events: [event(id, { fresh: false, digest })] })
    return result.outcome === 'stored' && result.events[0]?.duplicate === true
  }
  for (let at = 0; at < 4_000; at++) {
    const isMade = at % 3 > 0
    await store.append('n', { events: [event(`${10_000 + at}`, { fresh: isMade, digest: isMade ? '' : 'named' })] })
    await clock.advance(1)
  }
  await store.maintain()
  expect(await store.idWindow('n')).toEqual({ ids: 3_000, oldestAgeMs: 3_000 })
  expect(await isKnown('13997', '')).toBe(true)
  expect(await isKnown('13999', 'named')).toBe(true)
  expect(await isKnown('11000', '')).toBe(true)
  expect(await isKnown('10001', '')).toBe(false)
  expect(await isKnown('10999', 'named')).toBe(false)
  await clock.advance(20_000)
  await store.maintain()
  expect(await store.idWindow('n')).toEqual({ ids: 0, oldestAgeMs: 0 })
})
