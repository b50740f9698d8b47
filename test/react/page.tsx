import { type ReactNode, StrictMode, useEffect } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { type Client, createClient } from '#src/client/index.js'
import { Toaster, toast } from 'sonner'
import { App, Ear, Feed, Jobs, LastEvent, StatusWord, heard, renders } from './app.js'
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { type TidingsSlice, tidingsSlice } from '#src/zustand/index.js'
import {
  ConnectionDot,
  ConnectionStatus,
  JobProgress,
  TidingsProvider,
  useConnection,
  useJob,
  useTidings,
  useToasts,
} from '#src/react/index.js'
import 'tidings/react/style.css'

function Watched({ id, token }: { id: string; token?: string }) {
  const job = useJob(id, { token })
  return <p id="job">{job && `${job.status} ${job.percent}`}</p>
}

function Bar({ id, lingerMs = 300 }: { id: string; lingerMs?: number | null }) {
  return <JobProgress job={useJob(id)} label="Crawl" lingerMs={lingerMs} />
}

function Toasts() {
  useToasts(toast, { durationMs: 1_500, open: (url) => heard.push(url) })
  return <Toaster />
}

/** All that `useConnection` gives, and a button for each thing that can be done. */
function Panel() {
  const connection = useConnection()
  const { status, transport, connectionId, attempt, failures, error } = connection
  const { connect, disconnect, reconnect, forceTransport } = connection
  const shown = { status, transport, connectionId, attempt, failures, error: error?.kind ?? null }
  return (
    <section>
      <output id="panel">{JSON.stringify(shown)}</output>
      {Object.entries({ connect, disconnect, reconnect }).map(([name, act]) => (
        <button key={name} type="button" onClick={() => act()}>
          {name}
        </button>
      ))}
      {(['poll', 'sse'] as const).map((choice) => (
        <button key={choice} type="button" onClick={() => forceTransport(choice)}>
          {choice}
        </button>
      ))}
    </section>
  )
}

const stores = new WeakMap<Client, UseBoundStore<StoreApi<TidingsSlice>>>()

/** What a component reads of a zustand store that has the slice. */
function Sliced() {
  const client = useTidings()
  const useStore = stores.get(client) ?? create<TidingsSlice>()(tidingsSlice(client))
  stores.set(client, useStore)
  const status = useStore((store) => store.status)
  const lastEvent = useStore((store) => store.lastEvent)
  const addEventHandler = useStore((store) => store.addEventHandler)
  const { connect, disconnect } = useStore.getState()
  useEffect(() => addEventHandler('notification', ({ data }) => heard.push(data)), [addEventHandler])
  return (
    <section>
      <output id="slice">{JSON.stringify([status, lastEvent?.data ?? null])}</output>
      <button type="button" onClick={status === 'idle' ? connect : disconnect}>
        switch
      </button>
    </section>
  )
}

/** What a test may ask for, by name. */
const parts = {
  StatusWord,
  LastEvent,
  Feed,
  Ear,
  Watched,
  Jobs,
  Bar,
  Toasts,
  ConnectionDot,
  ConnectionStatus,
  JobProgress,
  Panel,
  Sliced,
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
  var kept: { client: Client; leave: () => void; seen: unknown[] }
}
globalThis.react = tools
