import type { TopicPage, TopicQuery, Topics } from '../store/store.js'
import type { Channels } from './channels.js'
import type { Nodes } from './nodes.js'

export interface ReadTopicPage extends TopicPage {
  /** How many connections read each, on all nodes: in the order of `topics`. */
  readonly readers: readonly number[]
  /** Nodes that did not answer within a second: their readers are not counted. */
  readonly missing?: readonly string[]
}

interface Asked {
  readonly namespace: string
  readonly topics: readonly string[]
}

/** The topics that keep events, with who reads them. */
export class TopicList {
  readonly #store: Pick<Topics, 'topics'>
  readonly #channels: Channels
  readonly #nodes: Nodes

  constructor(store: Pick<Topics, 'topics'>, channels: Channels, nodes: Nodes) {
    this.#store = store
    this.#channels = channels
    this.#nodes = nodes
    nodes.on('readers', (body) => this.#readersHere(body as Asked))
  }

  async read(namespace: string, query: TopicQuery): Promise<ReadTopicPage> {
    const page = await this.#store.topics(namespace, query)
    const asked: Asked = { namespace, topics: page.topics.map(({ topic }) => topic) }
    const { answers, missing } = await this.#nodes.ask('readers', asked)
    const counts = answers.filter((answer) => Array.isArray(answer))
    const readers = this.#readersHere(asked).map((here, index) =>
      counts.reduce((sum, count) => sum + (Number(count[index]) || 0), here),
    )
    return { ...page, readers, ...(missing.length > 0 && { missing }) }
  }

  #readersHere({ namespace, topics }: Asked): number[] {
    const channel = this.#channels.find(namespace)
    return topics.map((topic) => channel?.audience.of(topic) ?? 0)
  }
}
