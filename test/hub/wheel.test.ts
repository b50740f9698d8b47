import { expect, test } from 'vitest'
import { type Waiting, Wheel } from '#src/hub/wheel.js'
import { fakeClock } from '#src/testing/index.js'

class Bell implements Waiting {
  slot: number | null = null
  readonly #ring: () => void

  constructor(ring: () => void) {
    this.#ring = ring
  }

  due(): void {
    this.#ring()
  }
}

test('H2: what waits is called once at its time, not at one it had before, and not after it was removed', async () => {
  const time = fakeClock()
  const wheel = new Wheel(time, 100)
  const rung: string[] = []
  const [moved, removed] = [new Bell(() => rung.push('moved')), new Bell(() => rung.push('removed'))]
  wheel.add(moved, time.monotonic() + 250)
  wheel.add(removed, time.monotonic() + 250)
  wheel.add(moved, time.monotonic() + 750)
  wheel.remove(removed)
  await time.advance(500)
  expect(rung).toEqual([])
  await time.advance(500)
  expect(rung).toEqual(['moved'])
  await time.advance(5_000)
  expect(rung).toEqual(['moved'])
  expect(wheel.size).toBe(0)
})

test('H2: what is due may remove another of its moment, or wait again', async () => {
  const time = fakeClock()
  const wheel = new Wheel(time, 100)
  const rung: string[] = []
  const last = new Bell(() => rung.push('last'))
  const again = new Bell(() => {
    if (rung.push('again') === 2) wheel.add(again, time.monotonic())
  })
  const first = new Bell(() => {
    rung.push('first')
    wheel.remove(last)
  })
  const dueMs = time.monotonic() + 100
  for (const bell of [first, again, last]) wheel.add(bell, dueMs)
  await time.advance(1_000)
  expect(rung).toEqual(['first', 'again', 'again'])
})

test('H2: a slot holds any number', async () => {
  const time = fakeClock()
  const wheel = new Wheel(time, 100)
  let rung = 0
  const dueMs = time.monotonic() + 100
  for (let n = 0; n < 200_000; n++) wheel.add(new Bell(() => rung++), dueMs)
  await time.advance(200)
  expect(rung).toBe(200_000)
})
