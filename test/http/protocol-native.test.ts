import { existsSync } from 'node:fs'
import { EventSource as EventSourcePackage } from 'eventsource'
import { chromium } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { faultProxy } from '#src/testing/fault-proxy.js'
import { startHub } from './server.js'

/**
 * Listens to everything and keeps what it hears where the test can read it. It uses nothing but its arguments, because a
 * browser runs it from its source.
 */
function listen(url: string, Listener: new (url: string) => EventSource) {
  const heard = { data: [] as unknown[], controls: [] as string[], opened: 0, state: 0, close: () => source.close() }
  const source = new Listener(url)
  source.onopen = () => {
    heard.opened++
  }
  source.onerror = () => {
    heard.state = source.readyState
  }
  source.onmessage = (event) => heard.data.push(JSON.parse(event.data).data)
  for (const name of ['hello', 'ping', 'bye', 'gap', 'snapshot'])
    source.addEventListener(name, () => heard.controls.push(name))
  return heard
}

type Heard = Omit<ReturnType<typeof listen>, 'close'>

/** A hub that two connections reach through a proxy that cuts; `read` gives what the listener has heard. */
async function scenario(start: (origin: string, path: string) => Promise<() => Promise<Heard>>): Promise<void> {
  const hub = await startHub({ development: true, retryMs: { from: 20, to: 60 } })
  const proxy = await faultProxy({ port: hub.port })
  onTestFinished(() => proxy.close())
  await hub.publish({ topic: 'user:7', type: 'note', data: 'before' })
  const read = await start(proxy.url, '/events?userId=7&topic=user:7&since=now&named=false')
  const until = async (condition: (heard: Heard) => boolean): Promise<void> => {
    for (const end = performance.now() + 60_000; performance.now() < end; ) {
      if (condition(await read())) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`Heard ${JSON.stringify(await read())}`)
  }
  await until((heard) => heard.controls.includes('hello'))
  const wanted: number[] = []
  for (let cut = 0; cut < 4; cut++) {
    for (let n = 0; n < 5; n++) {
      wanted.push(wanted.length)
      await hub.publish({ topic: 'user:7', type: 'note', data: wanted.length - 1 })
      // In the middle of the events, and once without having heard the last.
      if (n === 2) proxy.cut({ gracefully: cut % 2 === 0 })
    }
    await until((heard) => heard.data.length === wanted.length)
  }
  const heard = await read()
  expect(heard.data).toEqual(wanted)
  expect(heard.opened).toBeGreaterThan(4)
  expect(heard.controls).not.toContain('gap')
  // A quiet stream comes back like a busy one.
  const { opened } = heard
  proxy.cut()
  await until((now) => now.opened > opened)
}

describe('[P6.1, P5.4, P5.9] a native EventSource whose URL says since=now resumes from its last id, wherever it is cut', () => {
  test('the eventsource package', async () => {
    await scenario(async (origin, path) => {
      const heard = listen(origin + path, EventSourcePackage as unknown as new (url: string) => EventSource)
      onTestFinished(() => heard.close())
      return async () => heard
    })
  })

  const executablePath = '/usr/bin/chromium'
  test.skipIf(!existsSync(executablePath) && process.env.CI !== 'true')("Chromium's own", async () => {
    const browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    })
    try {
      await scenario(async (origin, path) => {
        const page = await browser.newPage()
        // Any page of the same origin will do.
        await page.goto(`${origin}/health`)
        await page.evaluate(`globalThis.heard = (${listen.toString()})(${JSON.stringify(path)}, EventSource)`)
        return () => page.evaluate('({ ...heard })') as Promise<Heard>
      })
    } finally {
      await browser.close()
    }
  })
})
