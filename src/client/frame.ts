import { lightClock } from '../clock.js'
import type { Readable } from './status.js'

/** A hidden page draws no frames; what it would show is still brought up to date, this often. */
const withoutFramesMs = 250

const waiting = new Set<() => void>()
let asked = false

/**
 * Subscribes to `source` for something that people look at: `listener` is called once in each animation frame in which
 * `source` changed, before the frame is drawn and together with all others, however often it changed. Returns the undo.
 */
export function subscribePerFrame(source: Readable<unknown>, listener: () => void): () => void {
  // The same function may be given twice.
  const tell = (): void => listener()
  const undo = source.subscribe(() => {
    waiting.add(tell)
    if (!asked) ask()
  })
  return () => {
    undo()
    waiting.delete(tell)
  }
}

function ask(): void {
  asked = true
  const frame = globalThis.requestAnimationFrame?.(flush)
  const timer = lightClock.setTimer(flush, frame ? withoutFramesMs : 0)
  function flush(): void {
    if (frame) cancelAnimationFrame(frame)
    timer.cancel()
    asked = false
    // One that throws then stops no other, and what it threw is seen; React still renders once for all of them.
    for (const tell of waiting) queueMicrotask(tell)
    waiting.clear()
  }
}
