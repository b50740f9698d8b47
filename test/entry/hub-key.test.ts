import { expect, test } from 'vitest'
import { hubKey } from '#src/entry/hub-key.js'
import { systemRandom } from '#src/random.js'
import { memoryStore } from '#src/store/memory.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'

const setup = async () => {
  const store = memoryStore()
  await store.open()
  const clock: FakeClock = fakeClock()
  const lose = (): Promise<void> => store.erase('*hub', '*key')
  return { store, clock, lose, newHub: () => hubKey(store, systemRandom, clock) }
}

test('A2: every hub on a store has the one key that the first of them made', async () => {
  const { newHub } = await setup()
  const keys = await Promise.all([newHub()(), newHub()(), newHub()()])
  expect(new Set(keys).size).toBe(1)
})

test('A2, S5: a store that lost the key is given it again by a hub that has it', async () => {
  const { clock, lose, newHub } = await setup()
  const hub = newHub()
  const key = await hub()
  await lose()
  await clock.advance(5_000)
  expect(await hub()).toBe(key)
  await clock.advance(0)
  expect(await newHub()()).toBe(key)
})

test('A2, S5: where another hub was faster its key is taken over, so that they agree again', async () => {
  const { clock, lose, newHub } = await setup()
  const hub = newHub()
  const old = await hub()
  await lose()
  const young = await newHub()()
  expect(young).not.toBe(old)
  await clock.advance(5_000)
  await hub()
  await clock.advance(0)
  expect(await hub()).toBe(young)
})

test('A2: a store that is away does not take the key away', async () => {
  const { store, clock, newHub } = await setup()
  const hub = newHub()
  const key = await hub()
  await store.close()
  await clock.advance(5_000)
  await hub()
  await clock.advance(0)
  expect(await hub()).toBe(key)
})
