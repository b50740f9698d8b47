import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import type { Connection, ConnectionPage } from './connections.js'
import { type Query, request } from './request.js'

/** What one request brings; 10,000 connections are ten. */
const pageSize = 1_000

export interface ConnectionList {
  /** Null: nothing is known yet. */
  readonly connections: readonly Connection[] | null
  /** There are more, which `more` brings. */
  readonly hasMore: boolean
  readonly more: () => void
  readonly missing: readonly string[]
  readonly error: Error | null
  readonly retry: () => void
}

/** The connections that a filter names, read page by page as one scrolls, and anew while one looks. */
export function useConnectionList(filter: Query): ConnectionList {
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ['/connections', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      request<ConnectionPage>('/connections', { query: { ...filter, limit: pageSize, after: pageParam }, signal }),
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    // Each page is asked for again: the more there are, the less often.
    refetchInterval: ({ state }) => 2_000 * Math.max(1, state.data?.pages.length ?? 1),
  })
  const connections = useMemo(() => data?.pages.flatMap((page) => page.connections) ?? null, [data])
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage()
  }, [hasNextPage, isFetching, fetchNextPage])
  return {
    connections,
    hasMore: hasNextPage,
    more,
    missing: data?.pages.at(-1)?.missing ?? [],
    error,
    retry: () => void refetch(),
  }
}
