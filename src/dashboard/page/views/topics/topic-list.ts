import { type Rows, usePages } from '../../hub/pages.js'

/** A topic that keeps events, as `GET /topics` has it (P11.19). */
export interface Topic {
  readonly topic: string
  /** Cursors. */
  readonly first: string
  readonly last: string
  readonly count: number
  readonly bytes: number
  readonly readers: number
}

interface TopicPage {
  readonly topics: readonly Topic[]
  readonly next?: string
  readonly missing?: readonly string[]
}

/** The topics with a text in their name; `all`: also those that one has not scrolled to. */
export const useTopicList = (contains: string, all: boolean): Rows<Topic> =>
  usePages<TopicPage, Topic>('/topics', { query: { contains }, rowsOf, everyMs: 3_000, all })

const rowsOf = ({ topics }: TopicPage): readonly Topic[] => topics

/** The number in a cursor: how far the namespace was. */
export const numberOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1))
