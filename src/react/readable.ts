import { useCallback, useSyncExternalStore } from 'react'
import { subscribePerFrame } from '../client/frame.js'
import type { Readable } from '../client/status.js'

/**
 * The value of `source`, rendered at most once an animation frame. `unknown`: what it is while a server renders and while
 * the page takes over what the server rendered; always the same object.
 */
export function useReadable<Value>(
  source: Readable<Value>,
  unknown: Value,
  getSnapshot: () => Value = source.getSnapshot,
): Value {
  const subscribe = useCallback((listener: () => void) => subscribePerFrame(source, listener), [source])
  return useSyncExternalStore(subscribe, getSnapshot, () => unknown)
}
