import { expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { memoryStore } from '#src/store/memory.js'
import type { NewEvent } from '#src/store/store.js'
import { startHub, type TestHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, publish: ['*'], subscribe: ['*'] }

interface Page {
  readonly topics: readonly {
    topic: string
    first: string
    last: string
    count: number
    bytes: number
    readers: number
  }[]
  readonly next?: string
}
const list = async ({ call }: TestHub, query = '', as: Session = admin) =>
  (await call<Page>(`/topics${query}`, { as })).body

test('O1 [P11.19]: an admin lists the topics that keep events, with oldest, newest, size and readers', async () => {
  const hub = await startHub()
  const { publish, stream, call } = hub
  for (const topic of ['news', 'news', 'report:9']) await publish({ topic, type: 'x', data: 1 }, admin)
  await publish({ topic: 'news', type: 'x', data: 1 }, { ...admin, namespace: 'other' })
  await (await stream({ as: admin, topics: ['news', 'quiet'] })).control('hello')
  const { topics, next } = await list(hub)
  expect(next).toBeUndefined()
  expect(topics.map(({ topic, count, readers }) => [topic, count, readers])).toEqual([
    ['news', 2, 1],
    ['report:9', 1, 0],
  ])
  const { body } = await call('/topics/news', { as: admin })
  expect(topics[0]).toEqual(body)
  expect((await list(hub, '', { ...admin, namespace: 'other' })).topics.map(({ count }) => count)).toEqual([1])
})

test('O1 [P11.19]: topics come page by page, also those with a text in their name alone', async () => {
  const hub = await startHub()
  for (let number = 0; number < 25; number++)
    await hub.publish({ topic: `${number % 5 === 0 ? 'report' : 'page'}:${number}`, type: 'x', data: 1 }, admin)
  const names: string[] = []
  for (let after = ''; ; ) {
    const { topics, next } = await list(hub, `?limit=10${after && `&after=${encodeURIComponent(after)}`}`)
    names.push(...topics.map(({ topic }) => topic))
    if (next === undefined) break
    after = next
  }
  expect(new Set(names).size).toBe(25)
  expect((await list(hub, '?contains=port%3A')).topics).toHaveLength(5)
  for (const query of ['limit=0', 'limit=1001', 'limit=x', `contains=${'x'.repeat(257)}`]) {
    const wrong = await hub.call(`/topics?${query}`, { as: admin })
    expect([wrong.status, wrong.body['field']]).toEqual([400, query.split('=')[0]])
  }
})

test('O1: a page of 100,000 topics in memory does not hold the hub up', async () => {
  const store = memoryStore()
  const hub = await startHub({ store })
  const event = (topic: string): NewEvent => ({
    ...{
      id: topic,
      type: 'x',
      priority: 'normal',
      body: '"source":"t","version":1,"data":1',
      digest: topic,
      fresh: true,
    },
    topics: [topic],
  })
  for (let part = 0; part < 100; part++)
    await store.append('default', {
      events: Array.from({ length: 1_000 }, (_, at) => event(`topic:${part * 1_000 + at}`)),
    })
  const times: number[] = []
  for (const query of ['', '?limit=1000', '?limit=1000&after=topic:5', '?contains=9999', '?contains=none']) {
    const before = process.cpuUsage()
    await list(hub, query)
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1_000)
  }
  // Some 20 ms of the CPU each; what grows with the square of the topics takes minutes.
  expect(Math.max(...times)).toBeLessThan(1_500)
})
