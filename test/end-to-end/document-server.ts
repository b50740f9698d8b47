import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Debian's postgresql-doc-15: about 1,170 pages that nobody here wrote. */
export const documents = '/usr/share/doc/postgresql-doc-15/html'

export interface DocumentServer {
  readonly url: string
  /** The distinct pages that were asked for; robots.txt is none. */
  readonly asked: ReadonlySet<string>
  close(): void
}

/** Serves {@link documents} on a free port of loopback. `broken` pages answer 404; each answer takes `delayMs`. */
export async function serveDocuments({
  broken,
  delayMs,
}: {
  broken: readonly string[]
  delayMs: number
}): Promise<DocumentServer> {
  const asked = new Set<string>()
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://documents').pathname
    const isRobots = path === '/robots.txt'
    if (!isRobots) asked.add(path)
    await wait(delayMs)
    if (isRobots || broken.includes(path)) return response.writeHead(404).end()
    try {
      const body = await readFile(join(documents, normalize(path)))
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
