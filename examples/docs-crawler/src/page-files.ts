import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { notFound } from './json-http.js'

const mediaTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const headers = {
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}

/** The built page: a handful of small files, read once. */
export class PageFiles {
  readonly #files = new Map<string, Buffer>()

  constructor(folder = fileURLToPath(new URL('./page/', import.meta.url))) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name)
      if (entry.isFile()) this.#files.set(`/${file.slice(folder.length).replaceAll('\\', '/')}`, readFileSync(file))
    }
  }

  handle(request: IncomingMessage, response: ServerResponse, path: string): void {
    const name = path === '/' ? '/index.html' : path
    const file = this.#files.get(name)
    if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) throw notFound()
    // The names of the assets carry a hash of their content.
    const caching = name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    const type = mediaTypes[extname(name)] ?? 'application/octet-stream'
    response.writeHead(200, {
      ...headers,
      'Content-Type': type,
      'Cache-Control': caching,
      'Content-Length': file.length,
    })
    response.end(request.method === 'HEAD' ? undefined : file)
  }
}
