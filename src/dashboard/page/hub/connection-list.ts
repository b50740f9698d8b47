import type { Connection, ConnectionPage } from './connections.js'
import { type Rows, usePages } from './pages.js'
import type { Query } from './request.js'

/** The connections that a filter names; `all`: also those that one has not scrolled to. */
export const useConnectionList = (query: Query, all: boolean): Rows<Connection> =>
  usePages<ConnectionPage, Connection>('/connections', { query, rowsOf, everyMs: 2_000, all })

const rowsOf = ({ connections }: ConnectionPage): readonly Connection[] => connections
