import type { ClientError } from './error.js'
import { guarded } from './listeners.js'
import type { Readable } from './status.js'

/** Begins something whose code is loaded for it. Returns its undo, which works before it has begun as well. */
export function lazily<Code>(
  load: () => Promise<Code>,
  begin: (code: Code) => () => void,
  report: (error: ClientError) => void,
): () => void {
  let gone = false
  let undo = (): void => void (gone = true)
  guarded(async () => {
    const code = await load()
    if (!gone) undo = begin(code)
  }, report)
  return () => undo()
}

/** A view whose code loads when somebody looks. Null until it has, and while it knows of nothing. */
export function lazyView<Value>(
  load: () => Promise<Readable<Value | null>>,
  report: (error: ClientError) => void,
): Readable<Value | null> {
  let view: Readable<Value | null> | undefined
  return {
    getSnapshot: () => view?.getSnapshot() ?? null,
    subscribe: (listener) => lazily(load, (loaded) => (view ??= loaded).subscribe(listener), report),
  }
}
