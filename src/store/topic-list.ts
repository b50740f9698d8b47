import type { KeptTopic, TopicPage, TopicQuery } from './store.js'
import type { TopicLog } from './topic-log.js'

/**
 * The page of topics by name. They stand in no order, and to sort a hundred thousand names would hold everybody up: so the
 * names of the page are picked in one pass, in which those that cannot be on it are only looked at.
 */
export function topicPage(
  logs: ReadonlyMap<string, TopicLog>,
  { limit, after = '', contains = '' }: TopicQuery,
): Omit<TopicPage, 'epoch'> {
  let names: string[] = []
  /** A name above this one is on a later page. */
  let highest: string | null = null
  for (const [name, { count }] of logs) {
    if (name <= after || (highest !== null && name > highest) || count === 0 || !name.includes(contains)) continue
    names.push(name)
    if (names.length <= limit * 2) continue
    // One more than the page: that there is a next one has to be seen.
    names = names.sort().slice(0, limit + 1)
    highest = names[limit] ?? null
  }
  names.sort()
  const topics = names.slice(0, limit).map((name) => keptTopic(name, logs.get(name) as TopicLog))
  const last = topics.at(-1)
  return { topics, ...(names.length > limit && last && { next: last.topic }) }
}

function keptTopic(topic: string, { first, last, count, bytes }: TopicLog): KeptTopic {
  return { topic, first: first ?? 0, last: last ?? 0, count, bytes }
}
