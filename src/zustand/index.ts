import { subscribePerFrame } from '../client/frame.js'
import type { HandlerOf } from '../client/declared.js'
import type { Client } from '../client/index.js'
import type { ClientStatus } from '../client/status.js'
import type { FilterOf, MaybeDeclared } from '../protocol/declared-events.js'

/** What a store has of a client (spec C8). Nothing of it belongs into `persist`. */
export interface TidingsSlice<Declared extends MaybeDeclared = undefined>
  extends Pick<ClientStatus, 'status' | 'transport' | 'failures' | 'lastEvent'> {
  /** Connects after `disconnect()`, or after a refusal that stopped the client. */
  connect(): void
  /** Closes the connection and stays away; handlers and the place in the stream are kept. */
  disconnect(): void
  /** Hears every event of a type (`'*'`: all) that is addressed to the person. Returns the undo. */
  addEventHandler<Type extends FilterOf<Declared> | '*'>(type: Type, handler: HandlerOf<Declared, Type>): () => void
}

const shown = ({ status, transport, failures, lastEvent }: ClientStatus) => ({ status, transport, failures, lastEvent })

/**
 * `tidings/zustand`: a slice for a store of yours, by itself or beside others:
 *
 *     create<TidingsSlice & Mine>()((set, get, api) => ({ ...tidingsSlice(client)(set), ...mine }))
 *
 * It follows the client for as long as the client lives, and sets the store once an animation frame at most: handlers hear
 * every event, `lastEvent` is the one to be shown.
 */
export function tidingsSlice<Declared extends MaybeDeclared = undefined>(client: Client<Declared>) {
  return (set: (changed: ReturnType<typeof shown>) => void): TidingsSlice<Declared> => {
    const { status, connect, disconnect, on: addEventHandler } = client
    subscribePerFrame(status, () => set(shown(status.getSnapshot())))
    return { ...shown(status.getSnapshot()), connect, disconnect, addEventHandler }
  }
}
