import { describe, expect, test } from 'vitest'
import { initialState, step } from '#src/client/machine.js'
import { connected, MachineDriver } from './machine-driver.js'

describe('one stream for all topics', () => {
  test('C1: nothing is opened before the first subscription, then at once, with all that came in the same turn', () => {
    const machine = new MachineDriver()
    expect(machine.status).toBe('idle')
    machine.want('a').want('a', 'b')
    expect(machine.opened).toEqual([])
    expect(machine.pass(0).actions).toContainEqual({
      type: 'open',
      stream: { id: 1, transport: 'sse', request: { topics: ['a', 'b'], own: false }, cursor: '' },
      refresh: false,
    })
    expect(machine.status).toBe('connecting')
    expect(machine.hello().status).toBe('connected')
  })

  test('C1: changes within 50 ms open the stream anew once, at the same cursor; the old one closes at the new one’s hello', () => {
    const machine = connected().event(7)
    machine.want('a', 'b').pass(30)
    machine.want('a', 'b', 'c').pass(49)
    expect(machine.opened).toEqual([])
    machine.pass(1)
    expect(machine.actions).toContainEqual({
      type: 'open',
      stream: { id: 2, transport: 'sse', request: { topics: ['a', 'b', 'c'], own: false }, cursor: 'e.7' },
      refresh: false,
    })
    expect(machine.aborted).toEqual([])
    expect(machine.status).toBe('connected')
    machine.event(8, 'a', 1)
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'deliver', cursor: 'e.8' }))
    machine.hello('e.7', 2)
    expect(machine.aborted).toEqual([1])
    expect(machine.event(9, 'a', 1).actions).toEqual([])
    expect(machine.event(8, 'b', 2).actions).toContainEqual(expect.objectContaining({ type: 'deliver' }))
  })

  test('C1: a stream that opens for topics no longer wanted gives way; back to what the old one carries, nothing is opened', () => {
    const machine = connected().want('a', 'b').pass(50)
    expect(machine.opened).toEqual([2])
    machine.want('a')
    expect(machine.aborted).toEqual([2])
    machine.pass(50)
    expect(machine.opened).toEqual([])
    expect(machine.status).toBe('connected')
  })

  test('C1: a topic dropped and added again has no hole: what was being opened without it does not take over', () => {
    const machine = connected().want('b').pass(50)
    expect(machine.opened).toEqual([2])
    machine.want('a', 'b')
    expect(machine.aborted).toEqual([2])
    machine.hello('e.9', 2)
    expect(machine.state.current?.id).toBe(1)
    machine.pass(50)
    expect(machine.opened).toEqual([3])
    expect(machine.state.sse?.cursor).toBe('e.0')
  })

  test('C1: dropping the last topic closes the connection and keeps the cursor', () => {
    const machine = connected().event(3).want().pass(50)
    expect(machine.aborted).toEqual([1])
    expect(machine.status).toBe('idle')
    machine.want('b').pass(0)
    expect(machine.actions).toContainEqual(
      expect.objectContaining({ type: 'open', stream: expect.objectContaining({ cursor: 'e.3' }) }),
    )
  })

  test('C1: the old stream ending while the new one opens costs no pause', () => {
    const machine = connected().want('a', 'b').pass(50)
    machine.news({ type: 'ended' }, 1)
    expect(machine.status).toBe('connecting')
    expect(machine.state.failures).toEqual({ sse: 0, poll: 0 })
    expect(machine.hello('e.0', 2).status).toBe('connected')
  })
})

describe('coming back', () => {
  test('C2: the pause is a random part of a bound that doubles from 1 s to 30 s', () => {
    for (const fraction of [0, 0.5, 0.999]) {
      const machine = new MachineDriver()
      machine.fraction = fraction
      machine.want('a').pass(0)
      for (const boundMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        machine.news({ type: 'ended' })
        expect(machine.due('retry')).toBeCloseTo(fraction * boundMs)
        expect(machine.status).toBe('waiting')
        machine.pass(machine.due('retry') ?? 0)
        expect(machine.status).toBe('connecting')
      }
    }
  })

  test('C2: a connection that was stable for 10 s starts the pauses anew, one that was not does not', () => {
    const machine = connected()
    machine.fraction = 0.999
    machine.news({ type: 'ended' }).pass(1_000).hello().pass(5_000).news({ type: 'ended' })
    expect(machine.due('retry')).toBeCloseTo(1_998)
    machine.pass(2_000).hello().pass(10_000).news({ type: 'ended' })
    expect(machine.due('retry')).toBeCloseTo(999)
  })

  test('C2: `retry:` sets the first bound, clamped to 1 s … 30 s', () => {
    for (const [retryMs, boundMs] of [
      [0, 1_000],
      [5_000, 5_000],
      [86_400_000, 30_000],
    ] as const) {
      const machine = connected().news({ type: 'retryField', retryMs }).pass(10_000).news({ type: 'ended' })
      expect(machine.due('retry')).toBeCloseTo(boundMs / 2)
    }
  })

  test('C2: Retry-After is obeyed to the ms, also when the tab is shown, the network is back or somebody presses reconnect', () => {
    const machine = new MachineDriver().want('a').pass(0)
    machine.failed(429, 'rate_limit', { retryAfterMs: 20_000 })
    expect(machine.status).toBe('waiting')
    expect(machine.due('retry')).toBeGreaterThanOrEqual(20_000)
    for (const type of ['visible', 'online', 'resumed', 'connect', 'reconnect'] as const) {
      machine.pass(1_000)
      expect(machine.send({ type }).opened).toEqual([])
    }
    expect(machine.pass(14_999).opened).toEqual([])
    expect(machine.pass(1).opened).toEqual([2])
  })

  test('C2: without an order to wait, the network coming back or the tab being shown tries at once', () => {
    for (const type of ['online', 'visible', 'connect', 'reconnect', 'resumed'] as const) {
      const machine = connected().news({ type: 'ended' })
      expect(machine.send({ type }).opened).toEqual([2])
      expect(machine.due('retry')).toBeUndefined()
    }
  })

  test('C2: `offline` is shown, a byte proves it wrong; `online` opens a fresh stream beside the old one', () => {
    const machine = connected().send({ type: 'offline' })
    expect(machine.status).toBe('offline')
    expect(machine.news({ type: 'byte', cursor: 'e.0' }).status).toBe('connected')
    machine.send({ type: 'offline' }).news({ type: 'ended' })
    expect(machine.status).toBe('offline')
    machine.pass(1_000).hello()
    expect(machine.status).toBe('connected')
    machine.send({ type: 'online' })
    expect(machine.opened).toEqual([3])
    expect(machine.aborted).toEqual([])
    expect(machine.status).toBe('connected')
  })

  test('C2: a page in the back-forward cache holds no stream and comes back at its cursor', () => {
    const machine = connected().event(5).send({ type: 'frozen' })
    expect(machine.aborted).toEqual([1])
    expect(machine.pass(3_600_000).opened).toEqual([])
    machine.send({ type: 'resumed' })
    expect(machine.actions).toContainEqual(
      expect.objectContaining({ type: 'open', stream: expect.objectContaining({ cursor: 'e.5' }) }),
    )
  })

  test('C2: a tab that is shown keeps a stream that spoke lately and doubts one that did not', () => {
    const machine = connected().pass(30_000)
    expect(machine.send({ type: 'visible' }).opened).toEqual([])
    machine.pass(10_000)
    expect(machine.send({ type: 'visible' }).opened).toEqual([2])
    expect(machine.aborted).toEqual([])
  })

  test('C2: with maxAttempts it stops after so many failures in a row, until connect()', () => {
    const machine = new MachineDriver(initialState({ maxAttempts: 3 })).want('a').pass(0)
    for (let failure = 0; failure < 3; failure++) machine.news({ type: 'ended' }).pass(30_000)
    expect(machine.status).toBe('idle')
    expect(machine.state.error?.kind).toBe('connection')
    expect(machine.send({ type: 'connect' }).opened).toHaveLength(1)
  })

  test('no hello within 15 s is a failure of its own', () => {
    const machine = new MachineDriver().want('a').pass(14_999)
    expect(machine.status).toBe('connecting')
    machine.pass(1)
    expect(machine.aborted).toEqual([1])
    expect(machine.state.error?.kind).toBe('timeout')
    expect(machine.status).toBe('waiting')
  })
})

describe('watchdog', () => {
  test('C3: 2.5 heartbeats without a byte end the stream; a byte just before does not let it', () => {
    const machine = connected().pass(62_499).news({ type: 'byte', cursor: 'e.0' }).pass(62_499)
    expect(machine.status).toBe('connected')
    machine.pass(1)
    expect(machine.aborted).toEqual([1])
    expect(machine.state.error?.kind).toBe('timeout')
    expect(machine.status).toBe('waiting')
  })

  test('C3: a timer that rings late, in a hidden tab, judges by the clock and not by how often it rang', () => {
    const machine = connected()
    machine.at += 60_000
    machine.news({ type: 'byte', cursor: 'e.0' })
    machine.at += 60_000
    machine.send({ type: 'current' })
    expect(machine.status).toBe('connected')
    expect(machine.due('current')).toBe(2_500)
  })
})

describe('bye', () => {
  test('H3: `retryAfterMs` is waited for, exactly, from a stable stream: the hub has spread its readers itself', () => {
    const machine = connected().pass(10_000).bye('shutdown', 7_000)
    expect(machine.aborted).toEqual([1])
    expect(machine.due('retry')).toBe(7_000)
    expect(machine.state.failures).toEqual({ sse: 0, poll: 0 })
    expect(machine.send({ type: 'visible' }).opened).toEqual([])
    expect(machine.pass(7_000).opened).toEqual([2])
  })

  test('H3: `rotate` without a wait comes back at once, but a hub that says bye again and again is not hammered', () => {
    const machine = connected().pass(10_000).bye('rotate', 0)
    expect(machine.opened).toEqual([2])
    machine.hello().bye('rotate', 0)
    expect(machine.opened).toEqual([])
    expect(machine.due('retry')).toBeGreaterThan(0)
  })

  test('H3: `reconnect: false` stops until connect(); `ended` is no error and ends with the next subscription', () => {
    const kicked = connected().bye('kicked', 0, false)
    expect(kicked.status).toBe('idle')
    expect(kicked.state.error?.code).toBe('closed')
    expect(kicked.want('a', 'b').pass(50).opened).toEqual([])
    expect(kicked.send({ type: 'connect' }).opened).toEqual([2])
    const ended = connected().bye('ended', 0, false)
    expect(ended.status).toBe('idle')
    expect(ended.state.error).toBeNull()
    expect(ended.want('a', 'b').pass(50).opened).toEqual([2])
  })

  test('A6: `replaced` by our own new stream changes nothing', () => {
    const machine = connected().want('a', 'b').pass(50).bye('replaced', 0, false, 1)
    expect(machine.status).toBe('connecting')
    expect(machine.hello('e.0', 2).status).toBe('connected')
  })

  test('A6: `replaced` by our own stream that was let go of before its hello costs no pause, however often it happens', () => {
    const machine = connected()
    machine.fraction = 0.999
    for (let round = 0; round < 6; round++) {
      const current = machine.state.current?.id as number
      const opening = machine.want('a', `b${round}`).pass(50).opened[0]
      // Once the topics are those of before, and nothing is to be changed but for the loss.
      machine.want('a', ...(round % 2 ? [`c${round}`] : (machine.state.current?.request.topics.slice(1) ?? [])))
      expect(machine.aborted).toEqual([opening])
      machine.bye('replaced', 1_000, true, current)
      expect(machine.opened).toHaveLength(1)
      expect(machine.state.sse).toMatchObject({ request: machine.state.want, cursor: 'e.0' })
      expect(machine.hello().status).toBe('connected')
      expect(machine.pass(50).opened).toEqual([])
    }
    expect(machine.state).toMatchObject({ attempt: 0, failures: { sse: 0, poll: 0 } })
  })

  test('A6: a stream that was let go of may reach the hub late and take the place of a later one: that costs no pause, once', () => {
    const machine = connected().want('a', 'b').pass(50).want('a', 'c').pass(50).hello('e.0', 3).pass(20)
    expect(machine.bye('replaced', 1_000, true, 3).opened).toEqual([4])
    machine.hello().bye('replaced', 1_000, true, 4)
    expect(machine.opened).toEqual([])
    expect(machine.due('retry')).toBe(1_000)
  })

  test('A6: `replaced` by somebody else with our id waits, longer each time', () => {
    const machine = connected()
    machine.fraction = 0.999
    machine.bye('replaced', 1_000)
    expect(machine.opened).toEqual([])
    expect(machine.due('retry')).toBe(1_000)
    machine.pass(1_000).hello().bye('replaced', 1_000)
    expect(machine.due('retry')).toBeCloseTo(2_998)
  })

  test('A6: `replaced` by our own stream still obeys a time before which the hub wants nobody', () => {
    const machine = connected().want('a', 'b').pass(50).failed(429, 'rate_limit', { retryAfterMs: 20_000 })
    machine.bye('replaced', 1_000, true, 1)
    expect(machine.opened).toEqual([])
    expect(machine.due('retry')).toBe(20_000)
  })

  test('H7: a bye without a hello, which refuses for a while, is obeyed as well', () => {
    const machine = new MachineDriver().want('a').pass(0).bye('shutdown', 4_000)
    expect(machine.due('retry')).toBe(4_000)
  })
})

describe('refusals', () => {
  test('C5: 401 asks once for a fresh token, a second one stops with an authentication error until connect()', () => {
    const machine = new MachineDriver().want('a').pass(0).failed(401, 'authentication')
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'open', refresh: true }))
    machine.failed(401, 'authentication')
    expect(machine.status).toBe('idle')
    expect(machine.state.error?.kind).toBe('authentication')
    expect(machine.want('a', 'b').pass(50).opened).toEqual([])
    machine.send({ type: 'connect' })
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'open', refresh: false }))
  })

  test('C5: a hello in between makes the next 401 the first one', () => {
    const machine = new MachineDriver().want('a').pass(0).failed(401, 'authentication').hello()
    machine.news({ type: 'ended' }).pass(1_000).failed(401, 'authentication')
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'open', refresh: true }))
  })

  test('A3: 403 reports its topics, and the rest is connected', () => {
    const machine = new MachineDriver()
      .want('a', 'b')
      .pass(0)
      .failed(403, 'authentication', { topics: ['b'] })
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'refused' }))
    machine.want('a').pass(0)
    expect(machine.actions).toContainEqual(
      expect.objectContaining({ stream: expect.objectContaining({ request: { topics: ['a'], own: false } }) }),
    )
  })

  test('C5: a 403 that names none of our topics stops', () => {
    const machine = new MachineDriver().want('a').pass(0).failed(403, 'authentication')
    expect(machine.status).toBe('idle')
    expect(machine.state.error?.kind).toBe('authentication')
  })

  test('H3: 204 is the end without an error, until the subscriptions change', () => {
    const machine = new MachineDriver().want('a').pass(0).failed(204, 'connection')
    expect(machine.status).toBe('idle')
    expect(machine.state.error).toBeNull()
    expect(machine.pass(3_600_000).opened).toEqual([])
    expect(machine.want('b').pass(0).opened).toEqual([2])
  })

  test('C5: other refusals of the request stop until the subscriptions change', () => {
    const machine = new MachineDriver().want('a').pass(0).failed(400, 'validation')
    expect(machine.status).toBe('idle')
    expect(machine.state.error?.kind).toBe('validation')
    expect(machine.want('b').pass(0).opened).toEqual([2])
  })

  test('C5: what may pass is tried again: 5xx, 503 with Retry-After, a page of somebody else', () => {
    for (const [status, kind] of [
      [500, 'server'],
      [503, 'server'],
      [200, 'connection'],
      [408, 'timeout'],
    ] as const) {
      const machine = new MachineDriver().want('a').pass(0).failed(status, kind, { retryAfterMs: 3_000 })
      expect(machine.status).toBe('waiting')
      expect(machine.due('retry')).toBeGreaterThanOrEqual(3_000)
    }
  })
})

describe('what the stream says', () => {
  test('D5: the cursor is the last id of the stream, also of hello and ping', () => {
    const machine = connected('e.4')
    expect(machine.state.cursor).toBe('e.4')
    machine.news({ type: 'message', name: 'ping', cursor: 'e.9', data: { cursor: 'e.9', degraded: false } })
    expect(machine.state.cursor).toBe('e.9')
  })

  test('H9: control events and messages of a newer protocol are ignored; what is not JSON is reported and passed over', () => {
    const machine = connected()
    expect(machine.news({ type: 'message', name: 'weather', cursor: 'e.1', data: { rain: true } }).actions).toEqual([])
    expect(machine.news({ type: 'message', name: 'null', cursor: 'e.1', data: null }).actions).toEqual([])
    machine.news({ type: 'message', name: 'x', cursor: 'e.2', data: undefined })
    expect(machine.actions).toMatchObject([{ type: 'report', error: { kind: 'server' } }])
    expect(machine.state.cursor).toBe('e.2')
    expect(machine.status).toBe('connected')
  })

  test('before its hello a new stream hands nothing on', () => {
    const machine = connected().want('a', 'b').pass(50)
    expect(machine.event(1, 'a', 2).actions).toEqual([])
    expect(machine.state.cursor).toBe('e.0')
  })
})

describe('the application decides', () => {
  test('C1: disconnect() stays away until connect() and keeps the cursor', () => {
    const machine = connected().event(2).send({ type: 'disconnect' })
    expect(machine.aborted).toEqual([1])
    expect(machine.status).toBe('idle')
    expect(machine.want('a', 'b').pass(60_000).opened).toEqual([])
    expect(machine.send({ type: 'online' }).opened).toEqual([])
    machine.send({ type: 'connect' })
    expect(machine.actions).toContainEqual(
      expect.objectContaining({ type: 'open', stream: expect.objectContaining({ cursor: 'e.2' }) }),
    )
  })

  test('C1: reconnect() closes and opens; close() is for good and leaves no timer', () => {
    const machine = connected().send({ type: 'reconnect' })
    expect([machine.aborted, machine.opened]).toEqual([[1], [2]])
    machine.send({ type: 'close' })
    expect(machine.aborted).toEqual([2])
    expect(machine.status).toBe('closed')
    for (const name of ['batch', 'retry', 'late', 'probe', 'sse', 'poll', 'current'] as const)
      expect(machine.due(name)).toBeUndefined()
    for (const type of ['connect', 'reconnect', 'online', 'resumed'] as const) {
      expect(machine.send({ type }).actions).toEqual([])
    }
  })
})

test('a step is pure: the same arguments give the same answer, and the state it was given stays as it was', () => {
  const { state } = connected().want('a', 'b')
  const moment = { at: 5_000, fraction: 0.25 }
  expect(step(state, { type: 'batch' }, moment)).toEqual(step(state, { type: 'batch' }, moment))
})
