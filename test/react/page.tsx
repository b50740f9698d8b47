import { type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { type Client, createClient } from '#src/client/index.js'
import { TidingsProvider, useConnection, useEvent, useEvents, useJob, useJobs } from '#src/react/index.js'

/** How often each component was rendered, and what handlers heard. */
const renders: Record<string, number> = {}
const heard: unknown[] = []
const rendered = (name: string): void => {
  renders[name] = (renders[name] ?? 0) + 1
}

function StatusWord() {
  rendered('StatusWord')
  const { status, reconnect } = useConnection()
  return (
    <button type="button" id="status" onClick={reconnect}>
      {status}
    </button>
  )
}

function LastEvent() {
  rendered('LastEvent')
  const { lastEvent } = useConnection()
  return <p id="last">{JSON.stringify(lastEvent?.data)}</p>
}

function Feed() {
  rendered('Feed')
  const events = useEvents('*', { topic: 'report:1', limit: 10 })
  return <p id="feed">{events.map(({ data }) => String(data)).join(' ')}</p>
}

function Ear() {
  useEvent('notification', ({ data }) => heard.push(data))
  return null
}

function Watched({ id, token }: { id: string; token?: string }) {
  const job = useJob(id, { token })
  return <p id="job">{job && `${job.status} ${job.percent}`}</p>
}

function Jobs() {
  return (
    <p id="jobs">
      {useJobs()
        ?.map(({ kind, status }) => `${kind} ${status}`)
        .join(', ')}
    </p>
  )
}

/** What a test may ask for, by name. */
const parts = { StatusWord, LastEvent, Feed, Ear, Watched, Jobs }

/** What a server renders and the page takes over. */
export function App({ client, children }: { client: Client; children?: ReactNode }) {
  return (
    <StrictMode>
      <TidingsProvider client={client}>
        <StatusWord />
        <LastEvent />
        <Feed />
        <Ear />
        <Jobs />
        {children}
      </TidingsProvider>
    </StrictMode>
  )
}

interface Asked {
  readonly name: keyof typeof parts
  readonly props?: object
}

const tools = {
  renders,
  heard,
  createClient,
  /** Shows these parts, strictly unless told not to; returns what takes them away again. */
  show(client: Client, asked: readonly Asked[], strictly = true): () => void {
    const root = createRoot(document.body.appendChild(document.createElement('main')))
    const children = asked.map(({ name, props }) => {
      const Part = parts[name] as (props: object) => ReactNode
      return <Part key={name} {...props} />
    })
    const provided = <TidingsProvider client={client}>{children}</TidingsProvider>
    root.render(strictly ? <StrictMode>{provided}</StrictMode> : provided)
    return () => root.unmount()
  },
  hydrate(client: Client, onRecoverableError: (error: unknown) => void): void {
    hydrateRoot(document.querySelector('main') as Element, <App client={client} />, { onRecoverableError })
  },
}

declare global {
  var react: typeof tools
  /** Left by one step of a test for the next. */
  var kept: { client: Client; leave: () => void; errors: unknown[] }
}
globalThis.react = tools
