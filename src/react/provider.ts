import { type ReactElement, type ReactNode, createContext, createElement, useContext } from 'react'
import { ClientError } from '../client/error.js'
import type { Client } from '../client/index.js'
import type { Registered } from './register.js'

const context = createContext<Client<Registered> | null>(null)

export interface TidingsProviderProps {
  /**
   * Made once, outside of components. It belongs to whoever made it: the provider neither connects nor closes it, and it
   * connects with the first hook below that wants events.
   */
  readonly client: Client<Registered>
  readonly children?: ReactNode
}

/** Gives a ready client to the hooks below it (spec C8). */
export function TidingsProvider({ client, children }: TidingsProviderProps): ReactElement {
  return createElement(context, { value: client }, children)
}

/** The client of the provider above. Throws where there is none. */
export function useTidings(): Client<Registered> {
  const client = useContext(context)
  if (!client) throw new ClientError('client', 'No <TidingsProvider> above.')
  return client
}
