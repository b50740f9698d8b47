import type { KeptTopic, Store, TopicQuery } from '../../store/store.js'
import { event, put, type Suite } from './kit.js'

/** Listing topics (O1). */
export function topicClauses({ describe, check, expect }: Suite): void {
  describe('topics', () => {
    check('O1: a topic is listed with its oldest and newest number, its events and their bytes', async ({ store }) => {
      expect((await store.topics('n', { limit: 10 })).topics).toEqual([])
      await put(store, { events: [event('a'), event(['a', 'job:7']), event('a')] })
      await put(store, event('elsewhere'), 'other')
      await put(store, { events: [], states: [{ topic: 'state alone', expect: 0, value: 'x' }] })
      const { topics, epoch } = await store.topics('n', { limit: 10 })
      const described = await Promise.all(['a', 'job:7'].map((topic) => store.describe('n', topic)))
      expect(byName(topics)).toEqual(
        ['a', 'job:7'].map((topic, at) => {
          const { first, last, count, bytes } = described[at] as NonNullable<(typeof described)[number]>
          return { topic, first, last, count, bytes }
        }),
      )
      expect(epoch).toBe((await store.head('n')).epoch)
      expect(topics.length).toBe(2)
    })

    check('O1: page by page every topic is listed, whatever the size of the page', async ({ store }) => {
      const names = Array.from({ length: 700 }, (_, index) => `topic:${index}`).sort()
      for (let at = 0; at < names.length; at += 100)
        await put(store, { events: names.slice(at, at + 100).map((name) => event(name)) })
      for (const limit of [1, 50, 1_000]) {
        const { topics, pages } = await walk(store, { limit })
        expect([...new Set(topics.map(({ topic }) => topic))].sort()).toEqual(names)
        if (limit < names.length) expect(pages).toBeGreaterThan(5)
      }
    })

    check(
      'O1: only topics with a text in their name, capitals as they are, and nothing in it is a pattern',
      async ({ store }) => {
        for (const name of ['role:ADMIN', 'role:admin', 'report:9.%_*[', 'å:日本']) await put(store, event(name))
        const found = async (contains: string) =>
          (await walk(store, { limit: 2, contains })).topics.map(({ topic }) => topic).sort()
        expect(await found('role:')).toEqual(['role:ADMIN', 'role:admin'])
        expect(await found('ADM')).toEqual(['role:ADMIN'])
        for (const text of ['.', '%', '_', '*', '[', '9.%_*[']) expect(await found(text)).toEqual(['report:9.%_*['])
        expect(await found('日')).toEqual(['å:日本'])
        expect(await found('nothing like it')).toEqual([])
      },
    )

    check('O1: a topic that keeps nothing any more is not listed', async ({ store }) => {
      await put(store, { events: [event('a'), event('b')] })
      await store.erase('n', 'a')
      expect((await store.topics('n', { limit: 10 })).topics.map(({ topic }) => topic)).toEqual(['b'])
    })
  })
}

const byName = (topics: readonly KeptTopic[]): KeptTopic[] => topics.toSorted((a, b) => (a.topic < b.topic ? -1 : 1))

async function walk(
  store: Store,
  query: TopicQuery,
): Promise<{ readonly topics: KeptTopic[]; readonly pages: number }> {
  const topics: KeptTopic[] = []
  for (let pages = 1, after: string | undefined; ; pages++) {
    const page = await store.topics('n', { ...query, ...(after !== undefined && { after }) })
    topics.push(...page.topics)
    if (page.next === undefined) return { topics, pages }
    after = page.next
  }
}
