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

/** How many come in each second, up to the last in which anybody does. */
function histogram(times: readonly number[]): readonly number[] {
  const perSecond = Array<number>(Math.floor(Math.max(...times) / 1_000) + 1).fill(0)
  for (const ms of times) perSecond[Math.floor(ms / 1_000)] = (perSecond[Math.floor(ms / 1_000)] as number) + 1
  return perSecond
}

/** Shows it, and gives its fullest second against the mean of all. */
function spike(what: string, times: readonly number[]): number {
  const perSecond = histogram(times)
  const mean = times.length / perSecond.length
  const rows = perSecond.map((count, second) => `${String(second).padStart(2)} s ${'#'.repeat(count / 10)} ${count}`)
  const most = Math.max(...perSecond) / mean
  console.log(
    `${what}: the fullest second has ${most.toFixed(2)} times the mean of ${mean.toFixed(0)}\n${rows.join('\n')}`,
  )
  return most
}

test('C2: 1,000 clients of a hub that is killed come back without a second that has three times the mean', () => {
  const times = comebacks((machine) => machine.news({ type: 'ended' }))
  expect(spike('killed', times)).toBeLessThan(3)
})

test('H3: 1,000 clients of a hub that says bye come back evenly over its window', () => {
  const times = comebacks((machine, fraction) => machine.bye('shutdown', fraction * 10_000))
  expect(spike('bye', times)).toBeLessThan(1.5)
})

test('a second with everybody in it would be seen', () => {
  expect(
    spike(
      'at once',
      Array.from({ length: 1_000 }, (_, n) => (n < 900 ? 10 : n * 5)),
    ),
  ).toBeGreaterThan(3)
})
