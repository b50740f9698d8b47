import { type Client, type ClientStatus, createClient } from 'tidings/client'
import { useSyncExternalStore } from 'react'
import { hubUrl } from './address.js'
import { session } from './session.js'

let made: { readonly client: Client; readonly token: string | null } | null = null

/**
 * The client of this page, one for each token. Views subscribe to their topics with it; the shell holds it open and shows
 * its state in the banner.
 */
export function liveClient(): Client {
  const { token } = session.current
  if (made?.token === token) return made.client
  made?.client.close()
  const client = createClient({ url: hubUrl, name: 'dashboard', getToken: () => session.current.token })
  // A connection that nobody listens on is not opened.
  client.subscribe('all', {})
  made = { client, token }
  return client
}

export function closeLiveClient(): void {
  made?.client.close()
  made = null
}

export function useClientStatus(): ClientStatus {
  const { status } = liveClient()
  return useSyncExternalStore(status.subscribe, status.getSnapshot)
}
