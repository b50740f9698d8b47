import { describe, expect, test } from 'vitest'
import { initialState } from '#src/client/machine.js'
import { firstPace, type Pace, paceAfter, paceAfterCut } from '#src/client/pace.js'
import { connected, MachineDriver } from './machine-driver.js'

/** A machine whose first request is on its way. */
const asked = (): MachineDriver => new MachineDriver().want('a').pass(0).news({ type: 'sent' })
const opens = (machine: MachineDriver): string[] =>
  machine.actions.flatMap((action) =>
    action.type === 'open' ? [`${action.stream.transport} ${action.stream.id}`] : [],
  )
/** The stream being opened ends without a word; then the pause passes. */
const miss = (machine: MachineDriver): MachineDriver => {
  machine.news({ type: 'ended' })
  return machine.pass(machine.due('retry') ?? 0)
}
/** Polls are in use after a stream that said nothing; the stream is gone too. */
const polling = (): MachineDriver => asked().pass(5_000).hello('e.0', 2).pass(10_000)

describe('a proxy that holds streams back', () => {
  test('C4: no hello 5 s after the request was sent: a poll is tried beside the stream, and taken where it is answered', () => {
    const machine = asked().pass(4_999)
    expect(opens(machine)).toEqual([])
    expect(opens(machine.pass(1))).toEqual(['poll 2'])
    expect(machine.aborted).toEqual([])
    expect(machine.status).toBe('connecting')
    expect(machine.hello('e.0', 2).status).toBe('polling')
    expect(machine.event(1, 'a', 2).actions).toContainEqual(expect.objectContaining({ type: 'deliver' }))
  })

  test('C4: the 5 s begin when the request is sent: a slow sign-in is not the network’s fault', () => {
    const machine = new MachineDriver().want('a').pass(12_000)
    expect(machine.status).toBe('connecting')
    machine.news({ type: 'sent' })
    expect(opens(machine.pass(4_999))).toEqual([])
    expect(opens(machine.pass(1))).toEqual(['poll 2'])
  })

  test('C4: a slow first byte is waited for: the stream takes over again, whether the poll was answered or not', () => {
    for (const answered of [true, false]) {
      const machine = asked().pass(5_000)
      if (answered) machine.hello('e.0', 2)
      machine.pass(3_000).hello('e.0', 1)
      expect(machine.status).toBe('connected')
      expect(machine.aborted).toEqual([2])
      expect(machine.pass(60_000).state.failures).toEqual({ sse: 0, poll: 0 })
    }
  })

  test('C4: the poll fails as well: the stream keeps its time, and then it is connection trouble', () => {
    const machine = asked().pass(5_000).news({ type: 'ended' }, 2)
    expect(machine.status).toBe('connecting')
    expect(machine.pass(9_999).aborted).toEqual([])
    machine.pass(1)
    expect(machine.aborted).toEqual([1])
    expect(machine.status).toBe('waiting')
    expect(machine.state.failures).toEqual({ sse: 1, poll: 1 })
    expect(opens(machine.pass(1_000))).toEqual(['sse 3'])
  })
})

describe('streams that fail while polls succeed', () => {
  test('C4: after three in a row without a word the next try is a poll', () => {
    const machine = asked()
    expect(opens(miss(machine))).toEqual(['sse 2'])
    expect(opens(miss(machine))).toEqual(['sse 3'])
    expect(opens(miss(machine))).toEqual(['poll 4'])
    expect(machine.hello('e.0', 4).status).toBe('polling')
  })

  test('C4: where the poll fails too, streams and polls are tried in turn, with the pauses of C2', () => {
    const machine = asked()
    const tried: string[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      machine.news({ type: 'ended' })
      expect(machine.due('retry')).toBeCloseTo(0.5 * Math.min(30_000, 1_000 * 2 ** attempt))
      tried.push(...opens(machine.pass(machine.due('retry') ?? 0)).map((name) => name.split(' ')[0] as string))
    }
    expect(tried).toEqual(['sse', 'sse', 'poll', 'sse', 'poll', 'sse', 'poll', 'sse'])
  })

  test('C4: not fooled by short connections: a stream that spoke and was cut does not count', () => {
    const machine = asked().hello()
    for (let cut = 0; cut < 10; cut++) {
      expect(opens(miss(machine.pass(2_000)))).toEqual([`sse ${cut + 2}`])
      machine.hello()
    }
  })

  test('C4: not fooled by deploys: bye, and refusals that say when to come back, do not lead to polls', () => {
    const machine = connected()
    for (let n = 0; n < 5; n++) {
      machine.pass(10_000).bye('shutdown', 1_000)
      machine.pass(1_000).hello()
    }
    expect(machine.state.misses).toBe(0)
    expect(machine.state.mode).toBe('sse')
  })

  test('C4: after an outage in which a poll was the first to be answered, a stream is tried at once', () => {
    const machine = asked()
    miss(miss(miss(machine))).hello('e.0', 4)
    expect(opens(machine.pass(0))).toEqual(['sse 5'])
    expect(machine.status).toBe('polling')
    machine.hello('e.0', 5)
    expect(machine.status).toBe('connected')
    expect(machine.aborted).toContain(4)
    expect(machine.due('probe')).toBeUndefined()
  })

  test('C4: a stream that is mute after its hello counts, and each return to it costs a longer wait', () => {
    const machine = connected()
    const silence = (): void => {
      machine.pass(machine.due('current') ?? 0)
      machine.pass(machine.due('retry') ?? 0).hello()
    }
    for (let mute = 0; mute < 3; mute++) silence()
    // Three streams fell silent, so the fourth connection is a poll, whose first answer was the last hello.
    expect(machine.status).toBe('polling')
    const waits: number[] = []
    for (let back = 0; back < 4; back++) {
      const begun = machine.at
      while (machine.state.sse === null)
        machine.pass(1_000).news({ type: 'byte', cursor: 'e.0' }, machine.state.current?.id)
      waits.push(machine.at - begun)
      machine.hello()
      expect(machine.status).toBe('connected')
      silence()
      expect(machine.status).toBe('polling')
    }
    expect(waits.map((ms) => Math.round(ms / 1_000))).toEqual([1, 30, 60, 120])
  })
})

describe('polling', () => {
  test('C4: a stream is tried beside the polls after 30 s, then after 60, 120, …; its failure is counted, not reported', () => {
    const machine = polling()
    const begun = machine.at - 10_000
    const tried: number[] = []
    for (let probe = 0; probe < 4; probe++) {
      while (machine.state.sse === null)
        machine.pass(500).news({ type: 'byte', cursor: 'e.0' }, machine.state.current?.id)
      tried.push(Math.round((machine.at - begun) / 1_000))
      machine.news({ type: 'ended' }, machine.state.sse.id)
      expect(machine.actions.filter(({ type }) => type === 'report')).toEqual([])
      expect(machine.status).toBe('polling')
    }
    expect(tried).toEqual([30, 90, 210, 450])
    expect(machine.state.failures.sse).toBe(5)
    expect(machine.state.error).toBeNull()
  })

  test('C4: whatever becomes of the tried stream, refused, ended with bye, silent, the polls go on', () => {
    const ends: ((machine: MachineDriver) => unknown)[] = [
      (machine) => machine.failed(401, 'authentication'),
      (machine) => machine.failed(503, 'server', { retryAfterMs: 5_000 }),
      (machine) => machine.failed(200, 'connection'),
      (machine) => machine.bye('shutdown', 1_000),
      (machine) => machine.news({ type: 'sent' }).pass(15_000),
    ]
    for (const end of ends) {
      const machine = polling()
      while (machine.state.sse === null) machine.pass(1_000).news({ type: 'byte', cursor: 'e.0' }, 2)
      end(machine)
      expect(machine.status).toBe('polling')
      expect(machine.state.current?.id).toBe(2)
      expect(machine.state.sse).toBeNull()
    }
  })

  test('C4: a poll that fails after it was answered is connection trouble, and polls are tried again', () => {
    const machine = polling().news({ type: 'ended' }, 2)
    expect(machine.status).toBe('waiting')
    expect(machine.state.error?.kind).toBe('connection')
    expect(opens(machine.pass(1_000))).toEqual(['poll 3'])
    // That one is not even answered: the next try is a stream.
    machine.news({ type: 'ended' }, 3)
    expect(opens(machine.pass(machine.due('retry') ?? 0))).toEqual(['sse 4'])
  })

  test('C1: a topic more: polls for all of them take over at the same cursor, and the next probe is not put off', () => {
    const machine = polling().event(3, 'a', 2)
    const due = machine.due('probe') ?? 0
    machine.want('a', 'b').pass(50)
    expect(machine.actions).toContainEqual({
      type: 'open',
      stream: { id: 3, transport: 'poll', request: { topics: ['a', 'b'], own: false }, cursor: 'e.3' },
      refresh: false,
    })
    machine.hello('e.3', 3)
    expect(machine.aborted).toEqual([2])
    expect(machine.due('probe')).toBe(due - 50)
  })

  test('C4: an outdated probe gives way to one for what is wanted', () => {
    const machine = polling()
    while (machine.state.sse === null) machine.pass(1_000).news({ type: 'byte', cursor: 'e.0' }, 2)
    machine.want('a', 'b').pass(50)
    expect(machine.state.sse).toBeNull()
    machine.hello()
    while (machine.state.sse === null)
      machine.pass(1_000).news({ type: 'byte', cursor: 'e.0' }, machine.state.current?.id)
    machine.hello()
    expect(machine.status).toBe('connected')
    expect(machine.state.current?.request.topics).toEqual(['a', 'b'])
  })

  test('C5: 401 on a poll asks for a fresh token, 403 names its topics, 204 is the end', () => {
    const machine = polling().failed(401, 'authentication')
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'open', refresh: true }))
    expect(machine.hello().status).toBe('polling')
    machine.failed(403, 'authentication', { topics: ['a'] })
    expect(machine.actions).toContainEqual(expect.objectContaining({ type: 'refused' }))
    expect(polling().failed(204, 'connection').status).toBe('idle')
  })

  test('C3: polls that stop without an end are noticed', () => {
    const machine = polling()
    machine.pass(machine.due('current') ?? 0)
    expect(machine.status).toBe('waiting')
    expect(machine.state.error?.kind).toBe('timeout')
  })
})

describe('transport', () => {
  test('C1: `sse` never polls, `poll` never opens a stream', () => {
    const streams = new MachineDriver(initialState({ maxAttempts: 1_000, transport: 'sse' }))
      .want('a')
      .pass(0)
      .news({ type: 'sent' })
    for (let missed = 0; missed < 6; missed++) {
      streams.pass(15_000)
      expect(streams.state.poll).toBeNull()
      streams.pass(streams.due('retry') ?? 0).news({ type: 'sent' })
    }
    expect(streams.state.failures).toEqual({ sse: 6, poll: 0 })
    const polls = new MachineDriver(initialState({ maxAttempts: 1_000, transport: 'poll' })).want('a').pass(0)
    expect(opens(polls)).toEqual(['poll 1'])
    polls.hello().pass(60_000)
    expect(polls.state.nextId).toBe(2)
    for (let failure = 0; failure < 5; failure++) {
      polls.news({ type: 'ended' })
      expect(opens(polls.pass(polls.due('retry') ?? 0))).toEqual([`poll ${failure + 2}`])
    }
  })

  test('C4: forceTransport() changes over with both at hand, at the same cursor', () => {
    const machine = connected().event(4)
    machine.send({ type: 'transport', choice: 'poll' })
    expect(opens(machine)).toEqual(['poll 2'])
    expect(machine.status).toBe('connected')
    expect(machine.event(5, 'a', 1).hello('e.4', 2).status).toBe('polling')
    expect(machine.aborted).toEqual([1])
    expect(machine.due('probe')).toBeUndefined()
    machine.send({ type: 'transport', choice: 'sse' })
    expect(opens(machine)).toEqual(['sse 3'])
    expect(machine.hello().status).toBe('connected')
    expect(machine.send({ type: 'transport', choice: 'auto' }).actions.some(({ type }) => type === 'open')).toBe(false)
  })

  test('C4: `auto` over polls that were forced keeps them and tries streams beside them, again and again', () => {
    const machine = connected()
      .send({ type: 'transport', choice: 'poll' })
      .hello('')
      .send({ type: 'transport', choice: 'auto' })
    expect(machine.status).toBe('polling')
    machine.pass(0)
    expect(machine.state.sse?.transport).toBe('sse')
    machine.news({ type: 'ended' }, machine.state.sse?.id)
    machine.pass(30_000)
    expect(machine.state.sse?.transport).toBe('sse')
  })

  test('C4: forced while nothing is up: what was being opened gives way', () => {
    const machine = asked().send({ type: 'transport', choice: 'poll' })
    expect([machine.aborted, opens(machine)]).toEqual([[1], ['poll 2']])
  })

  test('C1: disconnect() and close() leave no timer and no stream of either kind', () => {
    for (const type of ['disconnect', 'close'] as const) {
      const machine = polling()
      while (machine.state.sse === null) machine.pass(1_000).news({ type: 'byte', cursor: 'e.0' }, 2)
      machine.send({ type })
      expect(machine.aborted).toHaveLength(2)
      for (const name of ['batch', 'retry', 'late', 'probe', 'sse', 'poll', 'current'] as const) {
        expect(machine.due(name)).toBeUndefined()
      }
    }
  })
})

describe('the pace of polls', () => {
  const answer = (pace: Pace, more: Partial<Parameters<typeof paceAfter>[1]> = {}): Pace =>
    paceAfter(pace, { quiet: true, more: false, tookMs: 20_000, ...more })

  test('C4: the first is answered at once, then each is held up to 20 s and followed at once', () => {
    expect(firstPace).toMatchObject({ waitS: 0, pauseMs: 0 })
    const long = answer(firstPace, { tookMs: 5 })
    expect(long).toMatchObject({ waitS: 20, pauseMs: 0 })
    expect(answer(long, { quiet: false, tookMs: 5 })).toMatchObject({ waitS: 20, pauseMs: 0 })
  })

  test('C4: where held polls are cut, an interval from 5 s to 30 s while quiet, 5 s again after news', () => {
    let pace = paceAfterCut(answer(firstPace)) as Pace
    expect(pace).toMatchObject({ waitS: 0, pauseMs: 0 })
    const pauses: number[] = []
    for (let n = 0; n < 8; n++) {
      pace = answer(pace, { tookMs: 5 })
      pauses.push(pace.pauseMs)
    }
    expect(pauses).toEqual([5_000, 7_500, 11_250, 16_875, 25_312.5, 30_000, 30_000, 30_000])
    expect(answer(pace, { quiet: false })).toMatchObject({ waitS: 0, pauseMs: 5_000 })
  })

  test('C4: a poll that was to be answered at once and is cut: polls do not help', () => {
    expect(paceAfterCut(firstPace)).toBeNull()
    expect(paceAfterCut(paceAfterCut(answer(firstPace)) as Pace)).toBeNull()
  })

  test('where there is more it is fetched at once; an answer that nobody held does not make it hammer', () => {
    expect(answer(firstPace, { more: true })).toMatchObject({ pauseMs: 0 })
    const long = answer(firstPace)
    expect(answer(long, { tookMs: 3 }).pauseMs).toBe(1_000)
  })
})
