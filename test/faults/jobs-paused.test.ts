import { describe, expect, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { noFakeTime } from './jobs-process.js'
import { clocksApart, hubRestarted, hubsPaused, redisPaused, redisRestarted } from './jobs-paused.js'

// A fifteenth of the real lease: full lengths are in jobs-paused.full.test.ts.
const short = { leaseMs: 2_000, pauseMs: 4_500, sweepMs: 200 }

describe.skipIf(noRedis)('healthy jobs do not stall', () => {
  test('J6: over a pause of Redis of two leases, and every increment counts once', () =>
    redisPaused({ ...short, pauseMs: 6_000 }))

  test('J6, S5: over a Redis that is killed and away for two leases, and every increment counts once', () =>
    redisRestarted(short))

  test('J6: over a pause of all hubs of two leases', () => hubsPaused(short))

  test.skipIf(noFakeTime)('J6: where the clocks of hubs and workers are a minute apart', () => clocksApart(short))
})

test('J6, D2: over restarts of the only hub, killed and away for two leases', () => hubRestarted(short))

test('what these tests need is there where it must be', () => {
  if (process.env.CI === 'true') expect([noRedis, noFakeTime]).toEqual([null, null])
})
