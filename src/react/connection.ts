import type { Client } from '../client/index.js'
import { initialState } from '../client/machine.js'
import { type ClientStatus, describe } from '../client/status.js'
import { useTidings } from './provider.js'
import { useReadable } from './readable.js'

/** The state of the client's connection, and what can be done about it. */
export interface Connection
  extends ClientStatus,
    Pick<Client, 'connect' | 'disconnect' | 'reconnect' | 'forceTransport'> {}

/** Where a client stands that has done nothing. */
const unconnected = describe(initialState())

/**
 * The connection of the client above (spec C7, C8). A component renders anew only when something changes that it has read:
 * one that reads `status` alone does not render for every event.
 */
export function useConnection(): Connection {
  const { status, connect, disconnect, reconnect, forceTransport } = useTidings()
  const read = new Set<keyof ClientStatus>()
  let shown = status.getSnapshot()
  const current = useReadable(status, unconnected, () => {
    const next = status.getSnapshot()
    if ([...read].some((key) => next[key] !== shown[key])) shown = next
    return shown
  })
  return new Proxy({ ...current, connect, disconnect, reconnect, forceTransport } as Connection, {
    get(target, key: keyof ClientStatus) {
      read.add(key)
      return target[key]
    },
  })
}
