import type { ClientError } from './error.js'
import { guarded } from './listeners.js'
import type { Readable } from './status.js'

/** A view whose code loads when somebody looks. Null until it has, and while it knows of nothing. */
export function lazyView<Value>(
  load: () => Promise<Readable<Value | null>>,
  report: (error: ClientError) => void,
): Readable<Value | null> {
  let view: Readable<Value | null> | undefined
  return {
    getSnapshot: () => view?.getSnapshot() ?? null,
    subscribe(listener) {
      let gone = false
      let undo = (): void => void (gone = true)
      guarded(async () => {
        const loaded = await load()
        view ??= loaded
        if (!gone) undo = view.subscribe(listener)
      }, report)
      return () => undo()
    },
  }
}
