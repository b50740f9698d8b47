import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'
import { checkId } from '../protocol/topic.js'
import type { ClosedPage, ConnectionPage, Control, PageQuery } from './control.js'
import { type ConnectionFilter, type ConnectionReport, checkFilter } from './report.js'

interface InNamespace {
  /** Default `default`. */
  readonly namespace?: string
}

/** The connections of a namespace, on all nodes of the store within a second (A5, O2): what `/connections` does. */
export interface Connections {
  /** By id, 100 a page unless `limit` (1–1,000) says otherwise. */
  list(query?: ConnectionFilter & PageQuery & InNamespace): Promise<ConnectionPage>
  /** The last 1,000 of each node that closed, with reason and duration, the last first; polls that were answered are left out. */
  closed(query?: Omit<ConnectionFilter, 'state'> & { readonly limit?: number } & InNamespace): Promise<ClosedPage>
  get(id: string, options?: InNamespace): Promise<ConnectionReport | null>
  /** Ends them with `bye` `kicked`. At least one filter; `reason` goes to the list of the closed. Resolves with how many. */
  disconnect(
    filter: ConnectionFilter,
    options?: InNamespace & { readonly reason?: string },
  ): Promise<{ readonly closed: number }>
  /** Sends a ping now; resolves with how many streams it went to. */
  ping(filter?: ConnectionFilter & InNamespace): Promise<{ readonly sent: number }>
}

export function connectionsOf(control: Control): Connections {
  const named = (namespace: string = defaults.namespace): string => checkId(namespace, 'namespace')
  return {
    list: async ({ namespace, limit, after, ...filter } = {}) =>
      await control.list(named(namespace), checkFilter(filter), pageOf(limit, after)),
    closed: async ({ namespace, limit, ...filter } = {}) =>
      await control.closed(named(namespace), checkFilter(filter), pageOf(limit)),
    get: async (id, { namespace } = {}) => await control.find(named(namespace), id),
    async disconnect(filter, { namespace, reason } = {}) {
      if (Object.values(checkFilter({ ...filter })).every((value) => value === undefined))
        throw new TidingsError('query_invalid', 'Say which connections are to be ended.', { field: 'filter' })
      return await control.disconnect(named(namespace), filter, reason)
    },
    ping: async ({ namespace, ...filter } = {}) => await control.ping(named(namespace), checkFilter(filter)),
  }
}

const pageOf = (limit?: number, after?: string): PageQuery => ({
  ...(limit !== undefined && { limit }),
  ...(after !== undefined && { after }),
})
