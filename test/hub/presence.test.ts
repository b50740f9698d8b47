import { expect, test } from 'vitest'
import { fakeClock } from '#src/testing/fake-clock.js'
import { awayStore } from './away-store.js'
import { TestOutlet, connect, coreOver } from './core.js'

test('H1, fault 22: a store that hangs without having said that it is away holds up no hello', async () => {
  const clock = fakeClock()
  const store = awayStore()
  const { head } = store
  let answer: () => void = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  Object.assign(store, { head: async (namespace: string) => (await answered, await head(namespace)) })
  const core = await coreOver(store, {}, { clock, onError: () => {} })
  await core.publish('default', [{ topic: 't', type: 'n', data: 1 }], false)
  const outlet = new TestOutlet()
  const opening = connect(core, { topics: ['t'] }, outlet)
  await clock.advance(900)
  expect(outlet.seen).toEqual([])
  await clock.advance(200)
  const { connection } = await opening
  expect(outlet.seen[0]).toMatchObject({ name: 'hello', payload: { degraded: true } })
  answer()
  await clock.advance(300)
  expect(connection?.live).toBe(true)
  await core.publish('default', [{ topic: 't', type: 'n', data: 2 }], false)
  await clock.advance(0)
  expect(outlet.events().map(({ data }) => data)).toEqual([2])
  await core.close(0)
  expect(clock.pending).toBe(0)
})
