import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { subscribePerFrame } from '#src/client/frame.js'
import { createListeners } from '#src/client/listeners.js'

const frames = new Map<number, () => void>()
let asked = 0
const draw = (): Promise<void> => {
  for (const frame of [...frames.values()]) frame()
  frames.clear()
  return Promise.resolve()
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('requestAnimationFrame', (frame: () => void) => (frames.set(++asked, frame), asked))
  vi.stubGlobal('cancelAnimationFrame', (id: number) => frames.delete(id))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  frames.clear()
})

const source = () => {
  const { add, call, size } = createListeners<void>(() => {})
  return { subscribe: add, getSnapshot: () => null, call, size }
}

test('C8: whatever changes between two frames is told once, with the second', async () => {
  const [one, two] = [source(), source()]
  const told: string[] = []
  subscribePerFrame(one, () => told.push('one'))
  subscribePerFrame(two, () => told.push('two'))
  for (let n = 0; n < 5; n++) one.call()
  two.call()
  expect([told, frames.size]).toEqual([[], 1])
  await draw()
  expect(told).toEqual(['one', 'two'])
  await draw()
  one.call()
  await draw()
  expect(told).toEqual(['one', 'two', 'one'])
  expect(vi.getTimerCount()).toBe(0)
})

test('C8: a hidden page, which draws no frames, is told all the same', async () => {
  const hidden = source()
  const told = vi.fn()
  subscribePerFrame(hidden, told)
  hidden.call()
  await vi.advanceTimersByTimeAsync(200)
  expect(told).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(50)
  expect(told).toHaveBeenCalledTimes(1)
  expect(frames.size).toBe(0)
})

test('C8: who leaves before the frame is not told, and nothing is kept of them', async () => {
  const left = source()
  const told = vi.fn()
  const leave = subscribePerFrame(left, told)
  left.call()
  leave()
  await draw()
  expect(told).not.toHaveBeenCalled()
  expect(left.size()).toBe(0)
})
