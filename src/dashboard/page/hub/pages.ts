import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo } from 'react'
import { type Query, request } from './request.js'

/** What one request brings; 10,000 rows are ten. */
const pageSize = 1_000
/** More is not read by itself: whoever has so many rows looks for one of them by the filter. */
const mostPages = 20
/** A page may hold less than fills the window, and still be followed by others. */
const leastRows = 50

/** What each page of a list has beside its rows. */
interface Page {
  readonly next?: string
  /** Nodes that did not answer in time. */
  readonly missing?: readonly string[]
}

export interface Rows<Row> {
  /** Null: nothing is known yet. */
  readonly rows: readonly Row[] | null
  /** There are more, which `more` brings. */
  readonly hasMore: boolean
  readonly more: () => void
  readonly missing: readonly string[]
  readonly error: Error | null
  readonly retry: () => void
}

export interface PagesOptions<Answer, Row> {
  readonly query: Query
  /** Must be the same function each time. */
  readonly rowsOf: (answer: Answer) => readonly Row[]
  /** How often each page is asked for again. */
  readonly everyMs: number
  /** Not only as one scrolls: to sort them takes all. */
  readonly all?: boolean
}

/** A list of the hub, read page by page as one scrolls, and anew while one looks. */
export function usePages<Answer extends Page, Row>(
  path: string,
  { query, rowsOf, everyMs, all = false }: PagesOptions<Answer, Row>,
): Rows<Row> {
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: [path, 'list', query],
    queryFn: ({ pageParam, signal }) =>
      request<Answer>(path, { query: { ...query, limit: pageSize, after: pageParam }, signal }),
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    // Each page is asked for again: the more there are, the less often.
    refetchInterval: ({ state }) => everyMs * Math.max(1, state.data?.pages.length ?? 1),
  })
  const rows = useMemo(() => data?.pages.flatMap(rowsOf) ?? null, [data, rowsOf])
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage()
  }, [hasNextPage, isFetching, fetchNextPage])
  const pages = data?.pages.length ?? 0
  const wantsMore = pages > 0 && pages < mostPages && (all || (rows?.length ?? 0) < leastRows)
  useEffect(() => {
    if (wantsMore) more()
  }, [wantsMore, more])
  return {
    rows,
    hasMore: hasNextPage,
    more,
    missing: data?.pages.at(-1)?.missing ?? [],
    error,
    retry: () => void refetch(),
  }
}
