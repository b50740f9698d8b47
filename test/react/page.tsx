import { type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { type Client, createClient } from '#src/client/index.js'
import { Toaster, toast } from 'sonner'
import { App, Ear, Feed, Jobs, LastEvent, StatusWord, heard, renders } from './app.js'
import { ConnectionDot, ConnectionStatus, JobProgress, TidingsProvider, useJob, useToasts } from '#src/react/index.js'
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
