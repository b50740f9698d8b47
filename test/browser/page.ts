import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { build } from 'vite'
import type { createClient } from '#src/client/index.js'
import type { createDiagnostics } from '#src/client/diagnostics.js'
import type { tokenFrom } from '#src/client/token.js'

declare global {
  /** What the page's bundle leaves in the page. */
  var tidings: {
    readonly createClient: typeof createClient
    readonly createDiagnostics: typeof createDiagnostics
    readonly tokenFrom: typeof tokenFrom
  }
  var got: unknown[]
}

export const executablePath = '/usr/bin/chromium'
const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']

/** What is awaited in a page may wait for the machine, not only for the page: it ends what hangs, and judges nothing. */
export const patienceMs = 60_000

/** With `CI=true` a missing program is a failure. */
export const skipped = !existsSync(executablePath) && process.env.CI !== 'true'

/** A browser of which nothing is lost: what a page throws and nobody catches, or says by `console.error`, fails the test. */
export async function launch(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath,
    args: [...flags, '--disable-sync', '--no-first-run'],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  })
  const newContext = browser.newContext.bind(browser)
  browser.newContext = async (options) => {
    const context = await newContext(options)
    context.setDefaultTimeout(patienceMs)
    // A rejection that nobody hears: see test/fixtures/no-error-lost.ts.
    const lose = (what: unknown): void => void Promise.reject(what)
    context.on('weberror', (error) => lose(error.error()))
    context.on('console', (message) => {
      // Of requests that fail, as these tests make them, the browser tells by itself.
      const isOurs = message.type() === 'error' && !message.text().startsWith('Failed to load resource')
      if (isOurs) lose(new Error(`console.error: ${message.text()}`))
    })
    return context
  }
  return browser
}

const entries = { createClient: 'index', createDiagnostics: 'diagnostics', tokenFrom: 'token' }

/** The client as a page gets it. */
async function clientPage(): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-page-'))
  const input = join(folder, 'page.js')
  const imports = Object.entries(entries).map(([name, file]) => {
    const path = fileURLToPath(import.meta.resolve(`#src/client/${file}.js`))
    return `import { ${name} } from ${JSON.stringify(path)}`
  })
  await writeFile(input, `${imports.join('\n')}\nglobalThis.tidings = { ${Object.keys(entries).join(', ')} }`)
  const files = await bundle(input)
  await rm(folder, { recursive: true })
  return files
}

/** A page's files by their paths: bundled and minified, what loads when used in files of its own. */
export async function bundle(input: string): Promise<ReadonlyMap<string, string>> {
  const result = await build({
    root: dirname(input),
    base: '/page/',
    configFile: false,
    logLevel: 'error',
    // StrictMode mounts twice, and React complains, in its development build alone.
    define: { 'process.env.NODE_ENV': '"development"' },
    build: { write: false, minify: true, modulePreload: false, rollupOptions: { input } },
  })
  if (Array.isArray(result) || !('output' in result)) throw new Error('expected one output')
  const files = new Map<string, string>()
  for (const file of result.output) {
    if (file.type === 'asset') {
      files.set('/page/style.css', String(file.source))
      continue
    }
    if (file.isEntry) files.set('/page/page.js', `import '/page/${file.fileName}'`)
    files.set(`/page/${file.fileName}`, file.code)
  }
  return files
}

/** A server of the page, by default the client alone, whose other requests go to `hub`. The page is signed in as `user`, by a cookie, unless it was before. */
export async function servePage(
  hub: (...given: [...Parameters<RequestListener>, () => void]) => void,
  given?: ReadonlyMap<string, string>,
  body = '',
): Promise<{ server: Server; port: number; url: string }> {
  const files = given ?? (await clientPage())
  const server = createServer((request, response) => {
    hub(request, response, () => {
      const code = files.get(request.url ?? '')
      const type = request.url?.endsWith('.css') ? 'text/css' : 'text/javascript'
      response.setHeader('Content-Type', code ? type : 'text/html')
      if (!code && !request.headers.cookie) response.setHeader('Set-Cookie', 'user=7; Path=/; SameSite=Lax')
      const style = files.has('/page/style.css') ? '<link rel="stylesheet" href="/page/style.css">' : ''
      const script = '<script type="module" src="/page/page.js"></script>'
      response.end(code ?? `<!doctype html><title>Page</title>${style}${script}${body}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, port, url: `http://127.0.0.1:${port}` }
}
