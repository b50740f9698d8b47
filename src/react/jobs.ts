import { useMemo } from 'react'
import type { Readable } from '../client/status.js'
import type { Job } from '../protocol/job.js'
import { useTidings } from './provider.js'
import { useReadable } from './readable.js'

export interface UseJobOptions {
  /** As it came with the job, for whoever may not read it otherwise. */
  readonly token?: string | undefined
}

/** Where there is no job yet. */
const nothing: Readable<null> = { getSnapshot: () => null, subscribe: () => () => {} }

/**
 * A job as it stands, live; null until it is known, and for an `id` that is null or undefined because there is no job yet.
 * A job that does not exist or may not be read stays null, and the client's `onError` hears why.
 */
export function useJob(id: string | null | undefined, { token }: UseJobOptions = {}): Job | null {
  const client = useTidings()
  // The client remembers a limited number of views; a component keeps its own, however many there are.
  const view = useMemo<Readable<Job | null>>(() => (id ? client.job(id, { token }) : nothing), [client, id, token])
  return useReadable(view, null)
}

/** The jobs of whoever is signed in, newest first, at most 1,000, live; null until they are known. */
export function useJobs(): readonly Job[] | null {
  const client = useTidings()
  const view = useMemo(() => client.jobs(), [client])
  return useReadable(view, null)
}
