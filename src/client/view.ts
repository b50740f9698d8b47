import type { Readable } from './status.js'

/** A view whose code loads when somebody looks. Null until it has, and while it knows of nothing. */
export function lazyView<Value>(
  load: () => Promise<Readable<Value | null>>,
  failed: (cause: unknown) => void,
): Readable<Value | null> {
  let view: Readable<Value | null> | null = null
  return {
    getSnapshot: () => view && view.getSnapshot(),
    subscribe(listener) {
      let gone = false
      let undo = (): void => void (gone = true)
      const look = (loaded: Readable<Value | null>): void => {
        view ??= loaded
        if (!gone) undo = view.subscribe(listener)
      }
      if (view) look(view)
      else load().then(look, failed)
      return () => undo()
    },
  }
}
