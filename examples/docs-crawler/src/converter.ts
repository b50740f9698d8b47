import { Worker } from 'node:worker_threads'
import type { ConvertedPage } from './convert.js'

export interface ConvertRequest {
  readonly html: string
  readonly url: string
}
export type ConvertAnswer = { readonly page: ConvertedPage } | { readonly failure: string }

interface Waiting extends ConvertRequest {
  readonly resolve: (page: ConvertedPage) => void
  readonly reject: (error: Error) => void
}

/**
 * Converts pages one after another in a thread of its own, so that the worker can still say that it is alive, and so that
 * a page that would compute for ever, or eat all memory, costs itself and nothing else.
 */
export class Converter {
  readonly #timeoutMs: number
  readonly #waiting: Waiting[] = []
  #thread: Worker | null = null
  #current: Waiting | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs = 60_000) {
    this.#timeoutMs = timeoutMs
  }

  convert(html: string, url: string): Promise<ConvertedPage> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ html, url, resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#thread?.terminate()
  }

  #next(): void {
    if (this.#current) return
    const next = this.#waiting.shift()
    if (!next) return
    this.#current = next
    this.#thread ??= this.#start()
    this.#timer = setTimeout(() => this.#lose('it took too long to convert'), this.#timeoutMs)
    this.#thread.postMessage({ html: next.html, url: next.url } satisfies ConvertRequest)
  }

  #start(): Worker {
    const thread = new Worker(new URL('./convert-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    const lose = (reason: string): void => {
      if (this.#thread === thread) this.#lose(reason)
    }
    thread.on('message', (answer: ConvertAnswer) => {
      // A late answer of a thread that was given up belongs to no page any more.
      if (this.#thread !== thread) return
      const current = this.#settle()
      if ('page' in answer) current?.resolve(answer.page)
      else current?.reject(new Error(answer.failure))
      this.#next()
    })
    thread.on('error', (error) => lose(`it could not be converted: ${error.message}`))
    thread.on('exit', () => lose('it could not be converted'))
    return thread
  }

  /** The page at hand has failed, and the thread with it. */
  #lose(reason: string): void {
    const thread = this.#thread
    this.#thread = null
    void thread?.terminate()
    this.#settle()?.reject(new Error(reason))
    this.#next()
  }

  #settle(): Waiting | null {
    clearTimeout(this.#timer)
    const current = this.#current
    this.#current = null
    return current
  }
}
