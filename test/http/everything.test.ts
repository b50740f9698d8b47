import { expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import type { TidingsEvent } from '#src/protocol/event.js'
import { redisStore } from '#src/store/redis.js'
import { noRedis, startRedis } from '../fixtures/redis.js'
import { numbers, root, startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true }
const stranger: Session = { userId: 'boss', namespace: 'other', admin: true, publish: ['*'] }

test('A7 [P4.20]: topic=* takes the admin grant, whatever the patterns of a grant, and stands alone', async () => {
  const { call } = await startHub()
  const refused = await call('/events?topic=*', { as: root })
  expect([refused.status, refused.body['code']]).toEqual([403, 'forbidden'])
  for (const more of ['&topic=news', '&own=1']) {
    const wrong = await call(`/events?topic=*${more}`, { as: admin })
    expect([wrong.status, wrong.body['code'], wrong.body['field']]).toEqual([400, 'query_invalid', 'topic'])
  }
})

test('O1 [P4.20]: topic=* receives every event of its namespace once, in order, with all its topics', async () => {
  const { stream, publish } = await startHub()
  const reader = await stream({ as: admin, topics: ['*'] })
  await reader.control('hello')
  await publish({ topic: 'news', type: 'n', data: 1 })
  await publish({ to: { users: ['7', '8'] }, type: 'n', data: 2 })
  await publish({ topic: 'news', type: 'n', data: 'elsewhere' }, stranger)
  await publish({ topic: 'news', type: 'n', data: 3, volatile: true })
  await publish({ topic: 'all', type: 'n', data: 4 })
  const seen = [await reader.next(), await reader.next(), await reader.next(), await reader.next()]
  expect(numbers(seen)).toEqual([1, 2, 3, 4])
  expect(seen[1]?.topics).toEqual(['user:7', 'user:8'])
  expect(seen[2]?.seq).toBeUndefined()
})

test('O1 [P4.20]: since=start replays what the node holds in memory, a cursor goes on there, an unknown one is a gap', async () => {
  const { stream, publish, poll } = await startHub()
  const keeper = await stream({ as: admin, topics: ['*'] })
  await keeper.control('hello')
  const first = await publish({ topic: 'a', type: 'n', data: 1 })
  await publish({ topic: 'b', type: 'm', data: 2 })
  await publish({ topic: 'c', type: 'n', data: 3 })
  await keeper.until(({ data }) => data === 3)

  const replay = await stream({ as: admin, topics: ['*'], since: 'start' })
  expect(numbers(await replay.until(({ data }) => data === 3))).toEqual([1, 2, 3])
  const some = await stream({ as: admin, topics: ['*'], since: 'start', types: ['n'] })
  expect(numbers(await some.until(({ data }) => data === 3))).toEqual([1, 3])

  const resumed = await stream({ as: admin, topics: ['*'], lastEventId: first.body.cursor })
  expect((await resumed.control('hello')).resumed).toBe(true)
  expect(numbers(await resumed.until(({ data }) => data === 3))).toEqual([2, 3])

  const lost = await stream({ as: admin, topics: ['*'], lastEventId: 'elsewhere.4' })
  expect(await lost.control('gap')).toMatchObject({ reason: 'epoch' })
  expect(numbers(await lost.until(({ data }) => data === 3))).toEqual([1, 2, 3])

  const polled = await poll(`topic=*&since=${first.body.cursor}`, { as: admin })
  expect([numbers(polled.body.events), polled.body.upToDate]).toEqual([[2, 3], true])
})

test('O1 [P4.20]: what the node no longer holds is a gap for topic=*, and what follows is told', async () => {
  const { stream, publish } = await startHub({ ringBytes: 2_000 })
  const keeper = await stream({ as: admin, topics: ['*'] })
  await keeper.control('hello')
  const first = await publish({ topic: 'a', type: 'n', data: 0 })
  for (let n = 1; n <= 5; n++) await publish({ topic: `a:${n}`, type: 'n', data: n })
  await keeper.until(({ data }) => data === 5)
  const late = await stream({ as: admin, topics: ['*'], lastEventId: first.body.cursor })
  expect(await late.control('gap')).toMatchObject({ reason: 'expired' })
  const rest = numbers(await late.until(({ data }) => data === 5)) as number[]
  expect(rest.length).toBeLessThan(5)
  expect(rest).toEqual([1, 2, 3, 4, 5].slice(-rest.length))
  await publish({ topic: 'b', type: 'n', data: 6 })
  expect((await late.next()).data).toBe(6)
})

test('P11.11: erasing a topic is told to whoever reads everything', async () => {
  const { stream, publish, call } = await startHub()
  const reader = await stream({ as: admin, topics: ['*'] })
  await reader.control('hello')
  await publish({ topic: 'a', type: 'n', data: 1 })
  await reader.next()
  await call('/topics/a', { as: admin, method: 'DELETE' })
  expect(await reader.control('gap')).toMatchObject({ reason: 'unknown', topics: ['a'] })
})

test.skipIf(noRedis !== null)(
  'O1: over Redis an event too large to announce reaches topic=* too, between its neighbours',
  async () => {
    const redis = await startRedis()
    const { stream, publish, errors } = await startHub({ store: redisStore({ url: redis.url }) })
    const reader = await stream({ as: admin, topics: ['*'] })
    await reader.control('hello')
    const large = 'x'.repeat(20_000)
    for (const [n, data] of [1, large, 3].entries()) await publish({ topic: `t:${n}`, type: 'n', data })
    expect(numbers(await reader.until(({ data }) => data === 3))).toEqual([1, large, 3])
    expect(errors).toEqual([])
  },
)

test.skipIf(noRedis !== null)(
  'D4 [P4.20]: an event too large to announce that its topics have let go of is a gap for topic=*, not silence',
  async () => {
    const redis = await startRedis()
    const { stream, publish, poll } = await startHub({
      store: redisStore({ url: redis.url, retention: { events: 10, bytes: 100_000_000 } }),
    })
    const keeper = await stream({ as: admin, topics: ['*'] })
    await keeper.control('hello')
    const before = await publish({ topic: 'q', type: 'n', data: -1 })
    const big = 'x'.repeat(20_000)
    await publish({ topics: ['busy', 'quiet'], type: 'n', data: { n: 0, big } })
    for (let n = 1; n < 30; n++) await publish({ topic: 'busy', type: 'n', data: { n, big } })
    await publish({ topic: 'q', type: 'n', data: { n: 'end' } })
    const isEnd = ({ data }: TidingsEvent): boolean => (data as { n?: unknown }).n === 'end'
    await keeper.until(isEnd)
    const late = await stream({ as: admin, topics: ['*'], lastEventId: before.body.cursor })
    const seen = (await late.until(isEnd)).map(({ data }) => (data as { n: unknown }).n)
    const kept = seen.slice(1, -1)
    expect(seen).toEqual([0, ...Array.from({ length: kept.length }, (_, n) => 30 - kept.length + n), 'end'])
    expect([kept.length >= 10, kept.length < 15]).toEqual([true, true])
    expect(late.controls.filter(({ name }) => name === 'gap').map(({ data }) => data)).toEqual([
      { reason: 'expired', topics: ['busy'], cursor: expect.any(String) },
    ])
    const gaps: unknown[] = []
    for (let cursor = before.body.cursor, more = true; more; ) {
      const { body } = await poll(`topic=*&since=${cursor}`, { as: admin })
      gaps.push(...(body.gaps ?? []))
      cursor = body.cursor
      more = !body.upToDate
    }
    expect(gaps).toContainEqual({ reason: 'expired', topics: ['busy'], cursor: expect.any(String) })
  },
)

test.skipIf(noRedis !== null)(
  'O1 [P4.20]: bursts of events too large to announce reach topic=* whole, once and in order, and are kept for late readers',
  async () => {
    const redis = await startRedis()
    const { hub, stream, publish, errors } = await startHub({ store: redisStore({ url: redis.url }) })
    const reader = await stream({ as: admin, topics: ['*'] })
    await reader.control('hello')
    const before = await publish({ topic: 'q', type: 'n', data: -1 })
    const big = 'x'.repeat(20_000)
    const total = 150
    await Promise.all(
      Array.from({ length: total }, (_, n) =>
        hub.publish({ topic: `t:${n % 7}`, type: 'n', data: { n, ...(n % 3 === 1 && { big }) } }),
      ),
    )
    await publish({ topic: 'q', type: 'n', data: 'end' })
    const isEnd = ({ data }: TidingsEvent): boolean => data === 'end'
    const whole = [-1, ...Array.from({ length: total }, (_, n) => n), 'end']
    const told = (events: readonly TidingsEvent[]): unknown[] =>
      numbers(events).map((data) => (data as { n?: number }).n ?? data)
    const seen = await reader.until(isEnd)
    expect(told(seen)).toEqual(whole)

    const resumed = await stream({ as: admin, topics: ['*'], lastEventId: before.body.cursor })
    expect((await resumed.control('hello')).resumed).toBe(true)
    expect(told(await resumed.until(isEnd))).toEqual(whole.slice(1))
    const replay = await stream({ as: admin, topics: ['*'], since: 'start' })
    expect(told(await replay.until(isEnd))).toEqual(whole)
    const since = seen[80]?.timestamp as number
    const timed = await stream({ as: admin, topics: ['*'], since: `@${since}` })
    expect(told(await timed.until(isEnd))).toEqual(
      told(seen.slice(seen.findIndex(({ timestamp }) => timestamp === since))),
    )
    const controls = [reader, resumed, replay, timed].flatMap((each) => each.controls.map(({ name }) => name))
    expect(controls).not.toContain('gap')
    expect(errors).toEqual([])
  },
)
