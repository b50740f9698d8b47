import { expect, test } from 'vitest'
import { seededRandom } from '#src/testing/seeded-random.js'
import { connected, type MachineDriver } from './machine-driver.js'

/** When each of 1,000 clients asks again after `loses` happened to all of them at once, in ms. */
function comebacks(loses: (machine: MachineDriver, fraction: number) => void): number[] {
  const random = seededRandom(7)
  return Array.from({ length: 1_000 }, () => {
    // The hub tells each another `retry:` (P5.4).
    const retryMs = 2_000 + random.fraction() * 4_000
    const machine = connected().news({ type: 'retryField', retryMs }).pass(20_000)
    machine.fraction = random.fraction()
    const begun = machine.at
    loses(machine, random.fraction())
    while (machine.state.sse === null) machine.pass(10)
    return machine.at - begun
  })
}

/** The fullest second against the mean of those in which anybody comes. */
function spike(times: readonly number[]): number {
  const perSecond: number[] = []
  for (const ms of times) perSecond[Math.floor(ms / 1_000)] = (perSecond[Math.floor(ms / 1_000)] ?? 0) + 1
  return Math.max(...perSecond.map((count) => count ?? 0)) / (times.length / perSecond.length)
}

test('C2: 1,000 clients of a hub that is killed come back without a second that has three times the mean', () => {
  const times = comebacks((machine) => machine.news({ type: 'ended' }))
  console.log(
    `killed: the fullest second has ${spike(times).toFixed(2)} times the mean, the last comes after ${Math.max(...times)} ms`,
  )
  expect(spike(times)).toBeLessThan(3)
})

test('H3: 1,000 clients of a hub that says bye come back evenly over its window', () => {
  const times = comebacks((machine, fraction) => machine.bye('shutdown', fraction * 10_000))
  console.log(
    `bye: the fullest second has ${spike(times).toFixed(2)} times the mean, the last comes after ${Math.max(...times)} ms`,
  )
  expect(spike(times)).toBeLessThan(1.5)
})
