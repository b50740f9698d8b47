import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'undici'
import { executablePath } from './page.js'

/** With `CI=true` a missing program is a failure. */
export const skippedHeaded = !(existsSync('/usr/bin/Xvfb') && existsSync(executablePath)) && process.env.CI !== 'true'

/**
 * A browser with windows, on a display of its own, driven without Playwright: its pages always say that they are visible, also
 * those behind another tab.
 */
export class HeadedBrowser {
  readonly #processes: ChildProcess[]
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  readonly #loading = new Map<string, () => void>()
  /** What pages threw and nobody caught, and what they said by `console.error`. */
  readonly complaints: string[] = []
  #id = 0

  private constructor(processes: ChildProcess[], folder: string, socket: WebSocket) {
    this.#processes = processes
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error, method, params, sessionId } = JSON.parse(String(data)) as {
        id?: number
        result?: unknown
        error?: { message: string }
        method?: string
        params?: { type?: string }
        sessionId?: string
      }
      if (method === 'Page.loadEventFired') this.#loading.get(sessionId ?? '')?.()
      const isError = method === 'Runtime.consoleAPICalled' && params?.type === 'error'
      if (isError || method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params))
      const waiting = id === undefined ? undefined : this.#waiting.get(id)
      if (id !== undefined) this.#waiting.delete(id)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result)
    })
  }

  /** `flags`: more of Chromium's own. */
  static async launch(...flags: readonly string[]): Promise<HeadedBrowser> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-headed-'))
    const display = spawn('/usr/bin/Xvfb', ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    const [number] = (await once(display.stdio[3] as NodeJS.ReadableStream, 'data')) as [Buffer]
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-sync',
      '--disable-background-networking',
    ]
    const browser = spawn(
      executablePath,
      [...args, ...flags, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'],
      { env: { ...process.env, DISPLAY: `:${String(number).trim()}` }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    const address = await new Promise<string>((resolve) => {
      browser.stderr?.on('data', (part: Buffer) => {
        said += part
        const url = /DevTools listening on (\S+)/.exec(said)?.[1]
        if (url) resolve(url)
      })
    })
    const socket = new WebSocket(address)
    await once(socket as unknown as EventTarget, 'open')
    return new HeadedBrowser([browser, display], folder, socket)
  }

  send<Result>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    const id = ++this.#id
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
    })
  }

  /** A tab in front of the others, loaded: what runs in one that is still on its way is lost with the empty page before it. */
  async open(url: string): Promise<HeadedTab> {
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
    await this.send('Runtime.enable', {}, sessionId)
    await this.send('Page.enable', {}, sessionId)
    const loaded = new Promise<void>((resolve) => this.#loading.set(sessionId, resolve))
    await this.send('Page.navigate', { url }, sessionId)
    await loaded
    this.#loading.delete(sessionId)
    return new HeadedTab(this, targetId, sessionId)
  }

  async close(): Promise<void> {
    this.#socket.close()
    for (const each of this.#processes) {
      if (each.exitCode !== null || each.signalCode !== null) continue
      const gone = once(each, 'exit')
      each.kill('SIGTERM')
      await gone
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

export class HeadedTab {
  readonly #browser: HeadedBrowser
  readonly #targetId: string
  readonly #sessionId: string

  constructor(browser: HeadedBrowser, targetId: string, sessionId: string) {
    this.#browser = browser
    this.#targetId = targetId
    this.#sessionId = sessionId
  }

  /** Brings it to the front, and so hides the others. */
  async show(): Promise<void> {
    await this.#browser.send('Target.activateTarget', { targetId: this.#targetId })
  }

  /** The value of an expression in the page, once a promise of it has settled. */
  async run<Value>(expression: string): Promise<Value> {
    const asked = { expression, awaitPromise: true, returnByValue: true }
    const { result } = await this.#browser.send<{ result: { value: Value } }>(
      'Runtime.evaluate',
      asked,
      this.#sessionId,
    )
    return result.value
  }

  async freeze(): Promise<void> {
    await this.#browser.send('Page.setWebLifecycleState', { state: 'frozen' }, this.#sessionId)
  }

  async wake(): Promise<void> {
    await this.#browser.send('Page.setWebLifecycleState', { state: 'active' }, this.#sessionId)
  }
}
