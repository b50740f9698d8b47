import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Engine } from './engine.js'
import { describeFailure } from './failures.js'
import { type OpenFile, openFile } from './open.js'
import type { Answer, AnswerTo, Batch, Reply, Request, ThreadOptions } from './requests.js'

/** More than this in one commit gains nothing and makes the first wait for the last. */
const requestsPerCommit = 1_024

const options = workerData as ThreadOptions
const port = parentPort!
let file: OpenFile | null = null
let engine: Engine | null = null

port.on('message', (first: Batch) => {
  const [only] = first.requests
  if (only?.kind === 'open') return void open(only, first).then(reply)
  if (only?.kind === 'close') return close()
  // Whatever else has come in the meantime shares the commit.
  const batches = [first]
  let count = first.requests.length
  let following: Batch | null = null
  while (count < requestsPerCommit) {
    const received = receiveMessageOnPort(port)
    if (!received) break
    const batch = received.message as Batch
    if (batch.requests[0]?.kind === 'close') {
      following = batch
      break
    }
    batches.push(batch)
    count += batch.requests.length
  }
  reply(engine!.run(batches))
  if (following) close()
})

async function open(request: Request<'open'>, { time }: Batch): Promise<Reply> {
  try {
    file = await openFile(options, time)
    engine = new Engine(file.database, options, time)
    const names = request.newEpoch ? file.database.prepare('SELECT name FROM namespaces').all() : []
    const value: AnswerTo<'open'> = { namespaces: (names as { name: string }[]).map(({ name }) => name) }
    return [{ value }]
  } catch (error) {
    return [{ failure: describeFailure(error) }]
  }
}

function close(): void {
  let answer: Answer = { value: null }
  try {
    file?.close()
  } catch (error) {
    answer = { failure: describeFailure(error) }
  }
  reply([answer])
  port.close()
}

function reply(answers: Reply): void {
  port.postMessage(answers)
}
