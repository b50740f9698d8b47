import { StrictMode } from 'react'
import type { Client } from '#src/client/index.js'
import { TidingsProvider, useConnection, useEvent, useEvents, useJobs } from '#src/react/index.js'

/** How often each component was rendered, and what handlers heard. */
export const renders: Record<string, number> = {}
export const heard: unknown[] = []
const rendered = (name: string): void => {
  renders[name] = (renders[name] ?? 0) + 1
}

export function StatusWord() {
  rendered('StatusWord')
  const { status, reconnect } = useConnection()
  return (
    <button type="button" id="status" onClick={reconnect}>
      {status}
    </button>
  )
}

export function LastEvent() {
  rendered('LastEvent')
  const { lastEvent } = useConnection()
  return <p id="last">{JSON.stringify(lastEvent?.data)}</p>
}

export function Feed() {
  rendered('Feed')
  const events = useEvents('*', { topic: 'report:1', limit: 10 })
  return <p id="feed">{events.map(({ data }) => String(data)).join(' ')}</p>
}

export function Ear() {
  useEvent('notification', ({ data }) => heard.push(data))
  return null
}

export function Jobs() {
  return (
    <p id="jobs">
      {useJobs()
        ?.map(({ kind, status }) => `${kind} ${status}`)
        .join(', ')}
    </p>
  )
}

/** What a server renders and the page takes over. */
export function App({ client }: { client: Client }) {
  return (
    <StrictMode>
      <TidingsProvider client={client}>
        <StatusWord />
        <LastEvent />
        <Feed />
        <Ear />
        <Jobs />
      </TidingsProvider>
    </StrictMode>
  )
}
