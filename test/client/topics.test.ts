import { describe, expect, test } from 'vitest'
import type { ClientError } from '#src/client/error.js'
import type { Wanted } from '#src/client/state.js'
import { createTopics } from '#src/client/topics.js'
import type { TidingsEvent } from '#src/protocol/event.js'

function setUp() {
  const errors: ClientError[] = []
  const wants: (Wanted | null)[] = []
  const got: string[] = []
  const began: string[] = []
  const topics = createTopics(
    (error) => errors.push(error),
    (want) => wants.push(want),
    {},
    (_create, topic) => {
      began.push(topic)
      return () => {}
    },
  )
  const deliver = (
    event: Partial<TidingsEvent>,
    { epoch = 'e', request = { topics: ['a', 'b'], own: false } }: { epoch?: string; request?: Wanted } = {},
  ): void => {
    const whole = {
      id: `id${event.seq}`,
      type: 'x',
      topic: 'a',
      timestamp: 1,
      priority: 'normal',
      source: 't',
      version: 1,
      data: 0,
    }
    topics.deliver({
      type: 'deliver',
      event: { ...whole, ...event } as TidingsEvent,
      cursor: `${epoch}.${event.seq}`,
      request,
    })
  }
  const gap = (reason: 'expired' | 'lost' | 'epoch' | 'unknown', ...about: string[]): void =>
    topics.gap({ type: 'gap', notice: { reason, cursor: 'e.0', ...(about.length > 0 && { topics: about }) } })
  /** A handler that notes who it is and what it heard. */
  const note = (name: string) => (event: TidingsEvent) => void got.push(`${name} ${event.seq ?? event.id}`)
  return { topics, errors, wants, got, began, deliver, gap, note }
}

const person: Wanted = { topics: [], own: true }

describe('order and once', () => {
  test('D1, D3: an event at or below the position of its subscription is not handed on, in one epoch', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add('a', { '*': note('a') })
    for (const seq of [3, 3, 2, 5, 4, 6]) deliver({ seq })
    deliver({ seq: 1 }, { epoch: 'f' })
    expect(got).toEqual(['a 3', 'a 5', 'a 6', 'a 1'])
  })

  test('D3: an event of several topics goes to the handlers of each, also where one of them has had it', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add('a', { '*': note('a') })
    deliver({ seq: 1, topic: 'a' })
    topics.add('b', { '*': note('b') })
    deliver({ seq: 1, topic: 'a', topics: ['a', 'b'] })
    deliver({ seq: 2, topic: 'a', topics: ['a', 'b'] })
    expect(got).toEqual(['a 1', 'b 1', 'a 2', 'b 2'])
  })

  test('D4: after a gap the ids of the last 1,000 that were handed on are left out', () => {
    const { topics, got, deliver, gap, note } = setUp()
    topics.add('a', { '*': note('a') })
    for (const seq of [11, 12, 13]) deliver({ seq })
    gap('unknown')
    deliver({ seq: 2, id: 'id12' })
    deliver({ seq: 3, id: 'new' })
    gap('epoch')
    deliver({ seq: 1, id: 'id13' }, { epoch: 'f' })
    deliver({ seq: 2, id: 'newer' }, { epoch: 'f' })
    expect(got).toEqual(['a 11', 'a 12', 'a 13', 'a 3', 'a 2'])
  })

  test('D4: what a subscription had before it left is not kept from the one that comes after it', () => {
    const { topics, got, deliver, gap, note } = setUp()
    const leave = topics.add('a', { '*': note('first') })
    for (const seq of [1, 2]) deliver({ seq })
    leave()
    topics.add('a', { '*': note('second') })
    gap('epoch')
    for (const seq of [1, 2, 2, 3]) deliver({ seq }, { epoch: 'f' })
    expect(got).toEqual(['first 1', 'first 2', 'second 1', 'second 2', 'second 3'])
  })

  test('D4: a gap of other topics changes nothing here; one of all topics is told to everybody', () => {
    const { topics, gap } = setUp()
    const told: string[] = []
    topics.add('a', {}, { onGap: ({ reason }) => told.push(`a ${reason}`) })
    topics.add('b', {}, { onGap: ({ reason }) => told.push(`b ${reason}`) })
    gap('expired', 'b')
    gap('lost')
    expect(told).toEqual(['b expired', 'a lost', 'b lost'])
  })

  test('E7: a volatile event that comes by the old and the new stream is handed on once', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add('a', { '*': note('a') })
    deliver({ id: 'v1' })
    deliver({ id: 'v1' })
    deliver({ id: 'v2' })
    expect(got).toEqual(['a v1', 'a v2'])
  })
})

describe('handlers', () => {
  test('C1: handlers by type and "*"; a type that every object has is a type like others', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add('a', { x: note('x'), '*': note('*') })
    deliver({ seq: 1 })
    deliver({ seq: 2, type: 'constructor' })
    expect(got).toEqual(['x 1', '* 1', '* 2'])
  })

  test('C5: a handler that throws, also later, stops neither the others nor the position, and is reported once', async () => {
    const { topics, got, errors, deliver, note } = setUp()
    const cause = new Error('mine')
    topics.add('a', {
      x: () => {
        throw cause
      },
      '*': note('same'),
    })
    topics.add('a', { x: () => Promise.reject(cause) })
    topics.add('a', { x: note('other') })
    deliver({ seq: 1 })
    deliver({ seq: 1 })
    await new Promise(setImmediate)
    expect(got).toEqual(['same 1', 'other 1'])
    expect(errors.map(({ kind }) => kind)).toEqual(['client', 'client'])
    expect(errors[0]?.cause).toBe(cause)
  })

  test('C1: a handler may undo itself, others and add more while it runs', () => {
    const { topics, got, deliver, note } = setUp()
    const undo = topics.add('a', {
      x: () => {
        undo()
        second()
        topics.add('a', { x: note('third') })
      },
      '*': note('gone'),
    })
    const second = topics.add('a', { x: note('second') })
    deliver({ seq: 1 })
    deliver({ seq: 2 })
    expect(got).toEqual(['third 2'])
  })

  test('C5: an event of a topic that nobody asked for is dropped and reported; one of a topic just dropped is only dropped', () => {
    const { topics, errors, deliver } = setUp()
    const undo = topics.add('a', {})
    deliver({ seq: 1, topic: 'z' })
    expect(errors).toMatchObject([{ kind: 'server' }])
    undo()
    deliver({ seq: 2, topic: 'a' })
    expect(errors).toHaveLength(1)
    const both = { topics: ['a'], own: true }
    deliver({ seq: 3, topic: 'z' }, { request: both })
    deliver({ seq: 4, topic: 'all' }, { request: both })
    expect(errors).toHaveLength(2)
  })

  test('A3: the refused hear it themselves, or the client does, and are gone', () => {
    const { topics, errors, wants } = setUp()
    const heard: string[] = []
    topics.add('a', {})
    topics.add('b', {}, { onError: ({ kind }) => heard.push(kind) })
    topics.add('c', {})
    const error = { kind: 'authentication', topics: ['b', 'c'] } as unknown as ClientError
    topics.refused({ type: 'refused', error })
    expect(heard).toEqual(['authentication'])
    expect(errors).toEqual([error])
    expect(wants.at(-1)).toEqual({ topics: ['a'], own: false })
  })

  test('§1: what can be no topic is refused where it is written, not by stopping the stream', () => {
    const { topics, wants, began } = setUp()
    for (const wrong of ['', 'user: 7', 'a*', 'a\nb', 'a\u200b']) {
      for (const since of [undefined, 'start']) {
        expect(() => topics.add(wrong, {}, { since })).toThrow(expect.objectContaining({ code: 'topic_invalid' }))
      }
    }
    expect(began).toEqual([])
    expect(wants).toEqual([])
  })
})

describe('what is addressed to the person', () => {
  test('C1: on() hears the person’s own topics once, however many of them an event is for', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add(null, { x: note('me') })
    deliver({ seq: 1, topic: 'user:7', topics: ['user:7', 'role:ADMIN', 'all'] }, { request: person })
    deliver({ seq: 2, topic: 'all' }, { request: person })
    deliver({ seq: 3, topic: 'report:9' }, { request: { topics: ['report:9'], own: true } })
    expect(got).toEqual(['me 1', 'me 2'])
  })

  test('C1: until a stream carries the own topics, events of one of them are not taken for all', () => {
    const { topics, got, deliver, note } = setUp()
    topics.add('user:7', { x: note('topic') })
    topics.add(null, { x: note('me') })
    deliver({ seq: 12, topic: 'user:7' }, { request: { topics: ['user:7'], own: false } })
    const both = { topics: ['user:7'], own: true }
    for (const [seq, topic] of [
      [10, 'role:ADMIN'],
      [12, 'user:7'],
      [13, 'user:7'],
    ] as const) {
      deliver({ seq, topic }, { request: both })
    }
    expect(got).toEqual(['topic 12', 'me 10', 'me 12', 'topic 13', 'me 13'])
  })

  test('C1: what is wanted is told once for each change', () => {
    const { topics, wants } = setUp()
    const undos = [topics.add('b', {}), topics.add('a', {}), topics.add('a', {}), topics.add(null, {})]
    for (const undo of [...undos, ...undos]) undo()
    expect(wants.map((want) => want && `${want.topics}${want.own ? '+own' : ''}`)).toEqual([
      'b',
      'a,b',
      'a,b+own',
      'a+own',
      '+own',
      null,
    ])
  })
})
