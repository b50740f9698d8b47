import { isTerminalType } from '../protocol/job.js'
import type { StoredEvent } from '../store/store.js'
import type { HubContext } from './context.js'

/** The jobs of a stream that watches nothing else: when all have ended, so has the stream (H3). */
export class JobEndings {
  readonly #context: HubContext
  readonly #namespace: string
  readonly #end: () => void
  readonly #unended: Set<string>

  private constructor(context: HubContext, namespace: string, topics: readonly string[], end: () => void) {
    this.#context = context
    this.#namespace = namespace
    this.#end = end
    this.#unended = new Set(topics)
  }

  /** Null where the stream has other topics too, and so never ends by itself. */
  static of(context: HubContext, namespace: string, topics: readonly string[], end: () => void): JobEndings | null {
    const jobsAlone = topics.every((topic) => topic.startsWith('job:'))
    return jobsAlone ? new JobEndings(context, namespace, topics, end) : null
  }

  /** An end counts also where a filter of types withholds its event. */
  note({ type, topics }: StoredEvent): void {
    if (isTerminalType(type)) for (const topic of topics) this.#unended.delete(topic)
  }

  /** Ends the stream if nothing more can come. */
  finish(): void {
    if (this.#unended.size === 0) this.#end()
  }

  /** Asks for jobs whose end was before the stream, for as long as it is `live`. */
  async look(live: () => boolean): Promise<void> {
    try {
      for (const topic of [...this.#unended]) {
        if (await this.#context.hasEnded(this.#namespace, topic)) this.#unended.delete(topic)
        if (!live()) return
      }
      this.finish()
    } catch (error) {
      this.#context.onError(error, 'ended')
    }
  }
}
