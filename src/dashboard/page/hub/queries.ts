import { QueryClient, type UseQueryResult, keepPreviousData, useQuery } from '@tanstack/react-query'
import { type Query, Refusal, request } from './request.js'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      // What was refused stays so; what could not be reached is asked for again by its interval.
      retry: (failures, error) => failures < 2 && !(error instanceof Refusal && error.status > 0 && error.status < 500),
      retryDelay: 500,
    },
  },
})

export interface LiveOptions {
  readonly query?: Query
  /** Asked for anew so often, while the page is visible. Default: once. */
  readonly everyMs?: number
  readonly enabled?: boolean
}

/** What a `GET` of the hub answers, kept fresh. While parameters change, the last answer stays. */
export function useHub<Answer>(
  path: string,
  { query = {}, everyMs, enabled = true }: LiveOptions = {},
): UseQueryResult<Answer, Error> {
  return useQuery<Answer, Error>({
    queryKey: [path, query],
    queryFn: ({ signal }) => request<Answer>(path, { query, signal }),
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: everyMs ?? false,
  })
}
