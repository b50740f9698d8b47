import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { hubRestarted, hubsPaused, redisPaused } from './jobs-paused.js'

const whole = { leaseMs: 30_000, pauseMs: 61_000, sweepMs: 1_000 }

describe.skipIf(noRedis)('healthy jobs do not stall, with the leases and sweeps that people have', () => {
  test('J6: over a pause of Redis of two leases', () => redisPaused(whole), 300_000)

  test('J6: over a pause of all hubs of two leases', () => hubsPaused(whole), 300_000)
})

test('J6: over restarts of the only hub, killed and away for two leases', () => hubRestarted(whole), 400_000)
