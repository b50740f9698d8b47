import { type Clock } from '../clock.js'
import { Limits } from '../hub/limits/limits.js'
import type { Store } from '../store/store.js'

const maintenanceMs = 60_000

/** What a hub does once a minute: the store forgets what is past its time, limits forget who is gone. */
export function keepUp(
  store: Store,
  clock: Clock,
  limits: Limits,
  onError: (error: unknown, stage: string) => void,
): { stop(): void } {
  let timer = clock.setTimer(turn, maintenanceMs)
  let stopped = false
  function turn(): void {
    limits.forget()
    store
      .maintain()
      .catch((error: unknown) => onError(error, 'maintenance'))
      .finally(() => {
        if (!stopped) timer = clock.setTimer(turn, maintenanceMs)
      })
  }
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
