import { RedisRefusal } from './port.js'
import { list, type Reply, word } from './port.js'

interface Sender {
  send(command: string, args: readonly string[]): Promise<Reply>
}

/** What decides whether this Redis keeps what it acknowledged: an account that may not ask is told less. */
export async function policyOf(server: Sender): Promise<Readonly<Record<string, string>>> {
  const names = {
    'maxmemory-policy': 'maxmemoryPolicy',
    appendonly: 'appendonly',
    appendfsync: 'appendfsync',
    save: 'save',
  }
  const facts: Record<string, string> = {}
  for (const [name, fact] of Object.entries(names)) {
    try {
      const answer = list(await server.send('CONFIG', ['GET', name]))
      if (answer[1] !== undefined) facts[fact] = word(answer[1])
    } catch (error) {
      if (!(error instanceof RedisRefusal)) throw error
    }
  }
  return facts
}
