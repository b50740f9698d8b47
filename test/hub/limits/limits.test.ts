import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Limits } from '#src/hub/limits/limits.js'
import type { Place } from '#src/hub/limits/places.js'
import { RateByKey } from '#src/hub/limits/rate.js'
import { type GivenLimits, resolveLimits } from '#src/hub/limits/settings.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'

const limitsOf = (given: GivenLimits | null, clock = fakeClock()) =>
  new Limits({ settings: resolveLimits(given), clock, random: seededRandom(1) })
const client = (n: number): string => `client-number-${n}`.padEnd(22, '0')
const person = { signedIn: true, namespace: 'default', userId: '7', sessionId: 's', principal: 'default 7 s' }
const refused = (limit: string) => expect.objectContaining({ code: 'rate_limited', limit })

describe('connections', () => {
  test('I21: the (N+1)th connection is refused while N live, and each close makes room for one', () => {
    const limits = limitsOf({ connections: { session: 3 } })
    const open = (): Place => {
      const place = limits.arrive('1.1.1.1', null)
      place.claim(person)
      return place
    }
    const places = [open(), open(), open()]
    expect(open).toThrow(refused('connections.session'))
    expect(open).toThrow(refused('connections.session'))
    places[1]?.release()
    places[1]?.release()
    open()
    expect(open).toThrow(refused('connections.session'))
    expect(limits.stats.refused).toEqual({ 'connections.session': 3 })
  })

  test('A6: an address may have fewer streams without sign-in, which those signed in do not use up', () => {
    const limits = limitsOf({ connections: { address: 5, anonymousAddress: 2, session: null } })
    const open = (signedIn: boolean): Place => {
      const place = limits.arrive('1.1.1.1', null)
      place.claim({ signedIn, namespace: 'default', principal: '' })
      return place
    }
    open(true)
    open(true)
    open(true)
    open(false)
    open(false)
    // The address as a whole is full: refused before anybody is asked who they are.
    expect(() => limits.arrive('1.1.1.1', null)).toThrow(refused('connections.address'))
    limits.arrive('1.1.1.2', null).release()
    expect(limits.stats.keys).toBe(4)
  })

  test('A6: what is not known is not counted, and null or 0 set no limit', () => {
    const limits = limitsOf({ connections: { address: 1, session: 0, user: null, total: null } })
    for (let n = 0; n < 50; n++) limits.arrive(null, null).claim(person)
    const none = limitsOf(null)
    for (let n = 0; n < 2_000; n++) {
      none.arrive('1.1.1.1', null).claim(person)
      none.take('publishes', 'user', '7')
    }
  })

  test('A6: a stream with the same client and principal takes the place of the open one, however full it is', () => {
    const limits = limitsOf({ connections: { session: 2, address: 2, total: 2 } })
    const ended: number[] = []
    const open = (n: number, as = person): Place => {
      const place = limits.arrive('1.1.1.1', client(n))
      place.claim(as)
      place.opened(() => ended.push(n))
      return place
    }
    open(1)
    open(2)
    expect(() => open(3)).toThrow(refused('connections.total'))
    open(1)
    expect(ended).toEqual([1])
    open(2)
    open(2)
    expect(ended).toEqual([1, 2, 2])
    // Somebody else's word for it is nothing: the place is counted where it belongs, and full.
    expect(() => open(1, { ...person, userId: '8', principal: 'default 8 s' })).toThrow(refused('connections.total'))
    expect(ended).toEqual([1, 2, 2])
  })

  test('A6: one that is refused or fails leaves the stream before it as it was', () => {
    const limits = limitsOf({ connections: { session: 2 } })
    const ended: string[] = []
    const first = limits.arrive('1.1.1.1', client(1))
    first.claim(person)
    first.opened(() => ended.push('first'))
    const second = limits.arrive('1.1.1.1', client(1))
    second.claim(person)
    second.release()
    expect(ended).toEqual([])
    const third = limits.arrive('1.1.1.1', client(1))
    third.claim(person)
    // Before the third is open a fourth comes, and a fifth: the third is given up, not the first beside it.
    const fourth = limits.arrive('1.1.1.1', client(1))
    fourth.claim(person)
    expect(ended).toEqual(['first'])
    third.opened(() => ended.push('third'))
    fourth.opened(() => ended.push('fourth'))
    expect(ended).toEqual(['first', 'third'])
    fourth.release()
    expect(limits.stats.keys).toBe(0)
  })

  test('I21: whatever opens, closes, fails and is replaced, counts are those of the live ones and nothing is left', () => {
    const step = fc.record({
      what: fc.constantFrom('open', 'open', 'close', 'fail', 'stay'),
      who: fc.integer({ min: 0, max: 3 }),
      address: fc.integer({ min: 0, max: 1 }),
      client: fc.option(fc.integer({ min: 0, max: 4 })),
      at: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const limits = limitsOf({
          connections: { session: 3, user: 4, address: 6, anonymousAddress: 2, namespace: 7, total: 9 },
        })
        interface Live {
          readonly place: Place
          readonly who: number
          readonly address: number
        }
        let live: Live[] = []
        let opening: Live[] = []
        const drop = (one: Live): void => {
          live = live.filter((each) => each !== one)
        }
        for (const { what, who, address, client: n, at } of steps) {
          if (what === 'close' && live.length > 0) {
            const one = live[at % live.length] as Live
            drop(one)
            one.place.release()
          } else if (what === 'fail' && opening.length > 0) {
            opening.splice(at % opening.length, 1)[0]?.place.release()
          } else if (what === 'open' || what === 'stay') {
            const signedIn = who < 3
            try {
              const place = limits.arrive(String(address), n === null ? null : client(n))
              place.claim({
                signedIn,
                namespace: 'default',
                ...(signedIn && { userId: String(who >> 1), sessionId: String(who) }),
                principal: String(who),
              })
              const one = { place, who, address }
              if (what === 'stay') opening.push(one)
              else {
                live.push(one)
                place.opened(() => drop(one))
              }
            } catch (error) {
              expect(error).toMatchObject({ code: 'rate_limited' })
            }
          }
          const count = (test: (one: Live) => boolean): number => live.filter(test).length
          for (let s = 0; s < 3; s++) expect(count((one) => one.who === s)).toBeLessThanOrEqual(3)
          expect(count((one) => one.who < 2)).toBeLessThanOrEqual(4)
          for (const a of [0, 1]) {
            expect(count((one) => one.address === a)).toBeLessThanOrEqual(6)
            expect(count((one) => one.address === a && one.who === 3)).toBeLessThanOrEqual(2)
          }
          expect(live.length).toBeLessThanOrEqual(7)
        }
        for (const one of [...live, ...opening]) one.place.release()
        expect(limits.stats.keys).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('rates', () => {
  test('A6: as many at once as the burst, then so many a second; the refusal names the limit and when to come back', async () => {
    const clock = fakeClock()
    const limits = limitsOf({ publishes: { user: { perSecond: 10, burst: 3 } } }, clock)
    const publish = (): void => limits.take('publishes', 'user', 'default 7')
    publish()
    publish()
    publish()
    let retryAfterMs = 0
    try {
      publish()
    } catch (error) {
      expect(error).toMatchObject({ code: 'rate_limited', limit: 'publishes.user' })
      ;({ retryAfterMs } = error as { retryAfterMs: number })
    }
    expect(retryAfterMs).toBeGreaterThanOrEqual(100)
    expect(retryAfterMs).toBeLessThanOrEqual(200)
    limits.take('publishes', 'user', 'default 8')
    limits.take('polls', 'user', 'default 7')
    await clock.advance(100)
    publish()
    expect(publish).toThrow(refused('publishes.user'))
    await clock.advance(10_000)
    publish()
    publish()
    publish()
    expect(publish).toThrow(refused('publishes.user'))
  })

  test('A6: in any second after the burst no more than the rate is let through', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
        (perSecond, burst, pauses) => {
          const rate = new RateByKey({ perSecond, burst })
          const taken: number[] = []
          let nowMs = 5_000
          for (const pause of pauses) {
            nowMs += pause
            if (rate.take('k', nowMs) === 0) taken.push(nowMs)
          }
          for (const from of taken) {
            const within = taken.filter((at) => at >= from && at < from + 1_000).length
            expect(within).toBeLessThanOrEqual(burst + perSecond)
          }
        },
      ),
    )
  })

  test('I17: keys that are left alone are forgotten, and a flood of them is bounded', () => {
    const rate = new RateByKey({ perSecond: 1, burst: 5 })
    for (let n = 0; n < 400_000; n++) rate.take(`key ${n}`, 10_000)
    expect(rate.keys).toBeLessThanOrEqual(100_000)
    rate.forget(20_000)
    rate.forget(30_000)
    expect(rate.keys).toBe(0)
  })
})

test.each([
  [{ connections: { session: -1 } }, 'limits.connections.session'],
  [{ connections: { sesion: 1 } }, 'limits.connections.sesion'],
  [{ connections: 5 }, 'limits.connections'],
  [{ publishes: { user: '5' } }, 'limits.publishes.user'],
  [{ publishes: { user: { perSecond: 0 } } }, 'limits.publishes.user.perSecond'],
  [{ publishes: { user: { perSecond: 1, burst: 0.5 } } }, 'limits.publishes.user.burst'],
  [{ publishes: { total: 5 } }, 'limits.publishes.total'],
  [{ posts: {} }, 'limits.posts'],
  [[], 'limits'],
])('§12: the limit %j is refused by name', (given, field) => {
  expect(() => resolveLimits(given as never)).toThrow(expect.objectContaining({ code: 'option_invalid', field }))
})

test('§12: a rate of nothing is refused with what a rate may be', () => {
  expect(() => resolveLimits({ polls: { user: -1 } })).toThrow('must be a number above 0 and up to 1,000,000')
})
