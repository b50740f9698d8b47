import { toast } from 'sonner'
import { queryClient } from './queries.js'
import { type Query, type Refusal, request } from './request.js'

/** Does something to the hub, tells how it went, and has the lists of connections read anew. */
async function act<Answer>(doing: () => Promise<Answer>, words: (answer: Answer) => string): Promise<boolean> {
  try {
    toast.success(words(await doing()))
    return true
  } catch (error) {
    toast.error('That did not work', { description: (error as Refusal).message })
    return false
  } finally {
    void queryClient.invalidateQueries({ queryKey: ['/connections'] })
  }
}

const streams = (number: number): string => (number === 1 ? 'one connection' : `${number} connections`)

/** The reason stands in the list of those that closed. */
export const disconnect = (id: string, reason: string): Promise<boolean> =>
  act(
    () => request(`/connections/${encodeURIComponent(id)}`, { method: 'DELETE', query: { reason } }),
    () => 'Disconnected. The reader may come back.',
  )

export const disconnectAll = (query: Query): Promise<boolean> =>
  act(
    () => request<{ closed: number }>('/connections', { method: 'DELETE', query }),
    ({ closed }) => (closed === 0 ? 'There was none to disconnect.' : `Disconnected ${streams(closed)}.`),
  )

export const pingAll = (query: Query = {}): Promise<boolean> =>
  act(
    () => request<{ sent: number }>('/connections/ping', { method: 'POST', query }),
    ({ sent }) => (sent === 0 ? 'There was no stream to ping.' : `Sent a ping to ${streams(sent)}.`),
  )
