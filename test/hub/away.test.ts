import { afterEach, describe, expect, test } from 'vitest'
import type { ConnectRequest, HubCore, HubParts } from '#src/hub/hub.js'
import type { Job } from '#src/protocol/job.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type AwayStore, awayStore } from './away-store.js'
import { TestOutlet, connect, coreOver } from './core.js'

const opened: HubCore[] = []
afterEach(async () => {
  for (const core of opened.splice(0)) await core.close(0)
})

async function start(options: Parameters<typeof awayStore>[0] = {}, parts: Partial<HubParts> = {}) {
  const clock: FakeClock = fakeClock()
  const store: AwayStore = awayStore(options)
  const errors: string[] = []
  const onError = (error: unknown, stage: string): void => void errors.push(`${stage}: ${(error as Error).message}`)
  const core = await coreOver(
    store,
    {},
    { clock, onError, random: { ...seededRandom(1), fraction: () => 0.5 }, ...parts },
  )
  opened.push(core)
  const publish = async (data: unknown, more: object = {}) => {
    const [result] = await core.publish('default', [{ topic: 't', type: 'n', data, ...more }], false)
    return result
  }
  const stream = async (request: Partial<ConnectRequest> = {}, outlet = new TestOutlet()) => {
    const { connection } = await connect(core, { ...request, topics: [...(request.topics ?? ['t'])] }, outlet)
    await clock.advance(0)
    return { connection, outlet, said: () => outlet.seen.map(({ name, payload }) => shorten(name, payload)) }
  }
  return { core, store, clock, errors, publish, stream }
}

/** `hello 3`, `ping 4 degraded`, `event 5`: what a reader was told, its cursor as a bare number. */
function shorten(name: string, payload: any): string {
  if (name === 'event') return `event ${JSON.stringify(payload.data)}`
  const cursor = payload.cursor === undefined ? '-' : payload.cursor.split('.')[1]
  if (name === 'gap') return `gap ${payload.reason} ${cursor}`
  return `${name} ${cursor}${payload.degraded ? ' degraded' : ''}`
}

describe('readers while the store is away', () => {
  test('S5, H2: open streams stay, are told at once, and get everything when it is back, before they are told so much as a cursor', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    const { connection, outlet, said } = await stream({ start: { kind: 'start' } })
    store.leave()
    const waiting = [publish(2), publish(3)]
    await clock.advance(30_000)
    expect(said()).toEqual(['hello 0', 'event 1', 'ping 1 degraded', 'ping 1 degraded'])
    await store.comeBack()
    await Promise.all(waiting)
    await clock.advance(0)
    expect(said().slice(4)).toEqual(['ping 1', 'event 2', 'event 3'])
    expect(connection?.live).toBe(true)
    expect(outlet.ended).toBe(false)
  })

  test('S5: an absence in which nothing happened costs no reader a read', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    for (let reader = 0; reader < 20; reader++) await stream()
    let reads = 0
    const { read } = store
    Object.assign(store, { read: (...given: Parameters<typeof read>) => (reads++, read(...given)) })
    store.leave()
    await clock.advance(5_000)
    await store.comeBack()
    await clock.advance(100)
    expect(reads).toBe(0)
    await publish(2)
    await clock.advance(0)
    expect(reads).toBe(0)
  })

  test('S5: a new stream is taken at its own cursor, and catches up when the store is back', async () => {
    const { store, clock, publish, stream } = await start()
    for (const data of [1, 2, 3]) await publish(data)
    const { epoch } = await store.head('default')
    store.leave()
    const cursor = await stream({ start: { kind: 'cursor', position: { epoch, seq: 1 } } })
    expect(cursor.outlet.seen[0]?.payload).toMatchObject({ cursor: `${epoch}.1`, resumed: false, degraded: true })
    await clock.advance(30_000)
    expect(cursor.said()).toEqual(['hello 1 degraded', 'ping 1 degraded'])
    await store.comeBack()
    await clock.advance(300)
    expect(cursor.said().slice(2)).toEqual(['ping 1', 'event 2', 'event 3'])
    expect(cursor.connection?.live).toBe(true)
  })

  test('S5, D5: a new stream without a cursor has no position to tell; "now" is before what waits to be published', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    store.leave()
    const late = publish(2)
    const now = await stream()
    const all = await stream({ start: { kind: 'start' } })
    const unknown = await stream({ start: { kind: 'unprovable' } })
    for (const { said } of [now, all, unknown]) expect(said()).toEqual(['hello - degraded'])
    expect(now.outlet.seen[0]?.payload).not.toHaveProperty('cursor')
    await clock.advance(30_000)
    expect(now.said().slice(1)).toEqual(['ping - degraded'])
    await store.comeBack()
    await late
    await clock.advance(300)
    expect(now.said().slice(2)).toEqual(['ping -', 'ping 1', 'event 2'])
    expect(all.said().slice(2)).toEqual(['ping -', 'ping 0', 'event 1', 'event 2'])
    expect(unknown.said().slice(2)).toEqual(['ping -', 'gap unknown 0', 'ping 0', 'event 1', 'event 2'])
  })

  test('D5: where the node heard the log before, "now" has a position: the last it heard', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    await stream()
    await publish(2)
    await clock.advance(0)
    store.leave()
    const now = await stream()
    expect(now.said()).toEqual(['hello 2 degraded'])
    const late = publish(3)
    await store.comeBack()
    await late
    await clock.advance(300)
    expect(now.said().slice(1)).toEqual(['ping 2', 'event 3'])
  })

  test('S5: a store that was never there: streams and publishes wait for it', async () => {
    const { store, clock, publish, stream, errors } = await start({ away: true })
    const { said } = await stream()
    const first = publish('first')
    await clock.advance(60_000)
    expect(errors).toEqual(['store: The store is away: not started.'])
    await store.comeBack()
    await first
    await clock.advance(300)
    expect(said().filter((word) => word.startsWith('event'))).toEqual(['event "first"'])
  })

  test('S5: a reader that leaves while it waits leaves nothing behind', async () => {
    const { core, store, clock, stream } = await start()
    await stream()
    store.leave()
    const before = clock.pending
    for (let turn = 0; turn < 100; turn++) (await stream()).connection?.gone()
    expect(core.connections).toBe(1)
    expect(clock.pending).toBe(before)
    await store.comeBack()
    await clock.advance(300)
    expect(store.followers).toBe(1)
  })

  test('S5: with the last reader of a namespace gone meanwhile, nobody follows it when the store is back', async () => {
    const { store, clock, stream } = await start()
    store.leave()
    const { connection } = await stream()
    connection?.gone()
    await store.comeBack()
    await clock.advance(300)
    expect(store.followers).toBe(0)
  })

  test('S5, D4: a store that comes back empty: a gap for everybody, then the new history, and nobody is stuck', async () => {
    const { store, clock, publish, stream } = await start()
    for (const data of [1, 2, 3]) await publish(data)
    const { epoch } = await store.head('default')
    const live = await stream()
    store.leave()
    const waits = await stream({ start: { kind: 'cursor', position: { epoch, seq: 2 } } })
    const late = publish('new')
    await store.comeBack({ empty: true })
    await late
    await clock.advance(300)
    await publish('newer')
    await clock.advance(300)
    for (const { said, connection } of [live, waits]) {
      const after = said().filter((word) => !word.startsWith('ping'))
      expect(after.slice(1)).toEqual(['gap epoch 0', 'event "new"', 'event "newer"'])
      expect(connection?.live).toBe(true)
    }
  })

  test('D4: a job gets a fresh snapshot after a store that comes back empty, also where reading it fails at first', async () => {
    const asked: string[] = []
    let fail = false
    const { store, clock, stream } = await start(
      {},
      {
        snapshots: {
          async snapshot(namespace, topic) {
            asked.push(topic)
            if (fail) await store.state(namespace, topic)
            return { job: { id: 'a', version: 1, endedAt: null } as Job, position: await store.head(namespace) }
          },
        },
      },
    )
    const { said, connection } = await stream({ topics: ['job:a'] })
    expect(said()).toEqual(['hello 0', 'snapshot 0'])
    store.leave()
    await store.comeBack({ empty: true })
    fail = true
    // The gap is told, and then the store goes again, with the snapshot on its way.
    store.leave()
    await clock.advance(1_000)
    await store.comeBack()
    await clock.advance(1_000)
    const after = said().filter((word) => !word.startsWith('ping'))
    expect(after.slice(2)).toEqual(['gap epoch 0', 'snapshot 0'])
    expect(connection?.live).toBe(true)
  })

  test('S6: an announcement that jumps back over a stretch sends the readers inside it to the log', async () => {
    const { store, clock, publish, stream } = await start()
    for (const data of [1, 2, 3]) await publish(data)
    const { said, connection } = await stream({ start: { kind: 'start' } })
    const { epoch } = await store.head('default')
    const { read } = store
    const asked: unknown[] = []
    Object.assign(store, { read: (...given: Parameters<typeof read>) => (asked.push(given[1].after), read(...given)) })
    store.feed = false
    for (const data of [4, 5]) await publish(data)
    // As it is after a failover that lost 2 and 3: the feed goes on behind 1, with a number above all that was used.
    const event = {
      id: 'x',
      type: 'n',
      priority: 'normal',
      body: '"data":5',
      topics: ['t'],
      seq: 5,
      timestamp: 0,
    } as const
    store.announce('default', [{ epoch, seq: 5, prev: 1, topics: ['t'], event }])
    await clock.advance(0)
    expect(asked).toEqual([{ epoch, seq: 3 }])
    expect(said().slice(-2)).toEqual(['event 4', 'event 5'])
    expect(connection?.live).toBe(true)
  })

  test('a feed that is ahead of the log makes nobody read in circles', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    const { connection } = await stream()
    const { epoch } = await store.head('default')
    let reads = 0
    const { read } = store
    Object.assign(store, { read: (...given: Parameters<typeof read>) => (reads++, read(...given)) })
    store.announce('default', [{ epoch, seq: 3, prev: 2, topics: ['t'] }])
    await clock.advance(1_000)
    expect(reads).toBeLessThan(10)
    for (const data of [2, 3]) await publish(data)
    await clock.advance(300)
    expect(connection?.live).toBe(true)
  })

  test('faults 19, 20: a feed that dies without a word is found out by an unanswered probe, and readers are served meanwhile', async () => {
    const { core, store, clock, publish, stream } = await start()
    const { connection, said } = await stream()
    store.feed = false
    await publish(1)
    await clock.advance(4_000)
    expect(said()).toEqual(['hello 0'])
    // Two beats: one that asks, one that hears nothing.
    await clock.advance(7_000)
    expect(said()).toEqual(['hello 0', 'event 1'])
    expect(connection?.cursor?.seq).toBe(1)
    await publish(2)
    await clock.advance(6_000)
    expect(said()).toContain('event 2')
    expect(connection?.live).toBe(false)
    store.feed = true
    await clock.advance(6_000)
    expect(connection?.live).toBe(true)
    await publish(3)
    await clock.advance(0)
    expect(said()).toContain('event 3')
    expect(core.counters.delivered).toBe(3)
  })

  test('S5: hub.subscribe waits like a stream', async () => {
    const { core, store, clock, publish } = await start()
    await publish(1)
    store.leave()
    const events = core.subscribe('default', ['t'], { since: 'start' })
    const first = events.next()
    await clock.advance(1_000)
    await store.comeBack()
    await clock.advance(300)
    expect((await first).value?.data).toBe(1)
    await events.return?.()
  })
})

describe('polls while the store is away', () => {
  test('S5: a poll is refused, and one that is held is answered at once', async () => {
    class Poll extends TestOutlet {
      override readonly transport = 'poll' as never
    }
    const { store, clock, stream, errors } = await start()
    const held = await stream({}, new Poll())
    expect(held.connection?.live).toBe(true)
    store.leave()
    await clock.advance(0)
    expect(held.outlet.ended).toBe(true)
    expect(held.connection?.failure).toMatchObject({ code: 'store_unavailable' })
    await expect(stream({}, new Poll())).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(errors).toHaveLength(1)
  })
})

describe('volatile events', () => {
  test('E7: they reach the readers of this node while the store is away, live ones only', async () => {
    const { store, clock, publish, stream } = await start()
    await publish(1)
    const { epoch } = await store.head('default')
    const live = await stream()
    store.leave()
    const waits = await stream({ start: { kind: 'cursor', position: { epoch, seq: 0 } } })
    expect(await publish('typing', { volatile: true })).toMatchObject({ cursor: null })
    expect(live.said().at(-1)).toBe('event "typing"')
    expect(waits.said()).toEqual(['hello 0 degraded'])
    expect(store.told).toEqual([])
    await store.comeBack()
    await clock.advance(300)
    expect(waits.said().at(-1)).toBe('event 1')
  })

  test('E7: volatile events of a batch that waits do not wait with it', async () => {
    const { core, store, clock, publish, stream } = await start()
    await publish(1)
    const { said } = await stream()
    store.leave()
    const batch = core.publish(
      'default',
      [
        { topic: 't', type: 'n', data: 'kept' },
        { topic: 't', type: 'n', data: 'typing', volatile: true },
      ],
      true,
    )
    expect(said().at(-1)).toBe('event "typing"')
    await store.comeBack()
    expect(await batch).toMatchObject([{ cursor: expect.any(String) }, { cursor: null }])
    await clock.advance(0)
    expect(said().filter((word) => word.includes('typing'))).toHaveLength(1)
  })

  test('E7: they reach the other nodes, and those of others reach live readers here', async () => {
    const { store, publish, stream, errors } = await start()
    const { said } = await stream()
    await publish('typing', { volatile: true })
    expect(said().at(-1)).toBe('event "typing"')
    expect(store.told).toHaveLength(1)
    const { text } = store.told[0] as { text: string }
    store.say('default', text.replace('typing', 'typing elsewhere'))
    expect(said().at(-1)).toBe('event "typing elsewhere"')
    // H9: a neighbour that is newer may say more.
    store.say('default', '{"kind":"a word of tomorrow"}')
    expect(errors).toEqual([])
    store.say('default', 'nonsense')
    expect(errors).toEqual(['told: Another node said what is no JSON.'])
  })
})
