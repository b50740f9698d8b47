import { isTerminalType } from '../protocol/job.js'
import type { StoredEvent } from '../store/store.js'

/** The jobs of a stream that watches nothing else: when all have ended, so has the stream (H3). */
export class JobEndings {
  readonly #unended: Set<string>

  private constructor(topics: readonly string[]) {
    this.#unended = new Set(topics)
  }

  /** Null where the stream has other topics too, and so never ends by itself. */
  static of(topics: readonly string[]): JobEndings | null {
    return topics.every((topic) => topic.startsWith('job:')) ? new JobEndings(topics) : null
  }

  get all(): boolean {
    return this.#unended.size === 0
  }

  /** An end counts also where a filter of types withholds its event. */
  note({ type, topics }: StoredEvent): void {
    if (isTerminalType(type)) for (const topic of topics) this.#unended.delete(topic)
  }

  /** Asks for jobs whose end was before the stream; stops where `wanted` says so. */
  async look(hasEnded: (topic: string) => Promise<boolean>, wanted: () => boolean): Promise<void> {
    for (const topic of [...this.#unended]) {
      if (await hasEnded(topic)) this.#unended.delete(topic)
      if (!wanted()) return
    }
  }
}
