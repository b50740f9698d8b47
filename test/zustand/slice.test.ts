import { expect, onTestFinished, test } from 'vitest'
import { create } from 'zustand'
import { devtools, subscribeWithSelector } from 'zustand/middleware'
import { createClient } from '#src/client/index.js'
import { defineEvents, everydayEvents } from '#src/declare.js'
import { createHub } from '#src/index.js'
import { type TidingsSlice, tidingsSlice } from '#src/zustand/index.js'

const events = defineEvents(everydayEvents)

async function hubAndClient() {
  const hub = await createHub({ authenticate: () => ({ userId: '7' }) })
  const client = createClient({
    url: 'http://hub',
    events,
    fetch: async (input, init) => hub.fetch(new Request(input, init)),
  })
  onTestFinished(async () => {
    client.close()
    await hub.close({ drainMs: 0 })
  })
  const notify = (title: string) => hub.publish({ topic: 'user:7', type: 'notification', data: { title } })
  return { hub, client, notify }
}

interface Inbox {
  readonly titles: readonly string[]
  add(title: string): void
}

test('C8: the slice in a store of yours, with middleware: state, handlers, disconnect and connect again', async () => {
  const { hub, client, notify } = await hubAndClient()
  const useStore = create<TidingsSlice<typeof events> & Inbox>()(
    devtools(
      subscribeWithSelector((set, _get, _api) => ({
        ...tidingsSlice(client)(set),
        titles: [],
        add: (title) => set(({ titles }) => ({ titles: [...titles, title] })),
      })),
      { enabled: false },
    ),
  )
  const { getState } = useStore
  expect(getState()).toMatchObject({ status: 'idle', transport: null, failures: { sse: 0, poll: 0 }, lastEvent: null })
  const undo = getState().addEventHandler('notification', ({ data }) => getState().add(data.title))
  await expect.poll(() => getState().status).toBe('connected')
  expect(getState().transport).toBe('sse')
  await notify('one')
  await expect.poll(() => getState().titles).toEqual(['one'])
  await expect.poll(() => getState().lastEvent?.data).toEqual({ title: 'one' })

  getState().disconnect()
  await expect.poll(() => getState().status).toBe('idle')
  await expect.poll(() => hub.stats().connections).toBe(0)
  await notify('two')
  getState().connect()
  await expect.poll(() => getState().titles).toEqual(['one', 'two'])

  undo()
  await expect.poll(() => getState().status).toBe('idle')
  await notify('three')
  expect(getState().titles).toEqual(['one', 'two'])
})

test('C8: a burst of events sets the store a few times, while handlers hear every one', async () => {
  const { client, notify } = await hubAndClient()
  const useStore = create<TidingsSlice<typeof events>>()(tidingsSlice(client))
  let sets = 0
  let heard = 0
  useStore.getState().addEventHandler('*', () => void heard++)
  await expect.poll(() => useStore.getState().status).toBe('connected')
  useStore.subscribe(() => void sets++)
  await Promise.all(Array.from({ length: 500 }, (_, n) => notify(`number ${n}`)))
  await expect.poll(() => heard).toBe(500)
  await expect.poll(() => useStore.getState().lastEvent?.data).toEqual({ title: 'number 499' })
  expect(sets).toBeLessThan(50)
})
