import { parentPort } from 'node:worker_threads'
import { convertPage } from './convert.js'
import type { ConvertAnswer, ConvertRequest } from './converter.js'

/** The thread behind {@link Converter}. */
parentPort?.on('message', ({ html, url }: ConvertRequest) => {
  let answer: ConvertAnswer
  try {
    answer = { page: convertPage(html, url) }
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage(answer)
})
