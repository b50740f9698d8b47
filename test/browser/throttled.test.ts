import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server as Relay, type Socket } from 'node:net'
import type { Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { HeadedBrowser, type HeadedTab, skippedHeaded } from './headed.js'
import { servePage } from './page.js'

/** Chromium begins with this after five minutes; here after a second. */
const soon = '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1'
const heartbeatMs = 6_000

const listen = (options: object): string => `(async () => {
  globalThis.got = []
  globalThis.connections = []
  globalThis.wakes = []
  globalThis.errors = []
  const wake = () => {
    wakes.push(performance.now())
    setTimeout(wake, 50)
  }
  wake()
  globalThis.client = tidings.createClient({ url: '/tidings', ...${JSON.stringify(options)} })
  client.onError(({ kind }) => errors.push(kind))
  await new Promise((resolve) => {
    client.status.subscribe(() => {
      const { connectionId } = client.status.getSnapshot()
      if (connectionId && connections.at(-1) !== connectionId) connections.push(connectionId)
      if (connectionId) resolve()
    })
    client.subscribe('report:1', { '*': ({ data }) => got.push(data) })
  })
})()`

describe.skipIf(skippedHeaded)('a tab that has been hidden for five minutes: timers wake it once a minute', () => {
  let hub: Hub
  let server: Server
  let relay: Relay
  let browser: HeadedBrowser
  const lines = new Set<readonly [Socket, Socket]>()

  beforeAll(async () => {
    hub = await createHub({ authenticate: () => ({ userId: '7', subscribe: ['report:*'] }), heartbeatMs })
    const page = await servePage(toNodeHandler(hub, { basePath: '/tidings' }))
    server = page.server
    relay = createServer((near) => {
      const far = connect(page.port, '127.0.0.1')
      const line = [near, far] as const
      lines.add(line)
      for (const [one, other] of [line, [far, near] as const]) {
        one.on('error', () => {})
        one.on('close', () => {
          lines.delete(line)
          other.destroy()
        })
        one.pipe(other)
      }
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    browser = await HeadedBrowser.launch(soon)
  })

  afterAll(async () => {
    await browser?.close()
    for (const [near] of lines) near.destroy()
    relay?.close()
    await hub?.close({ drainMs: 0 })
    server?.closeAllConnections()
    server?.close()
  })

  const open = async (options: object): Promise<HeadedTab> => {
    const tab = await browser.open(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`)
    await tab.run(listen(options))
    return tab
  }
  const publish = (data: unknown) => hub.publish({ topic: 'report:1', type: 'report.updated', data })
  const got = (tab: HeadedTab) => tab.run<unknown[]>('got')
  const connections = (tab: HeadedTab) => tab.run<string[]>('connections')
  const asleepMs = (tab: HeadedTab) => tab.run<number>('performance.now() - wakes.at(-1)')
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  /** What is open now stays open at both ends, and carries nothing any more. */
  const deaden = (): void => {
    for (const [near, far] of lines) for (const end of [near, far]) end.unpipe().resume()
    lines.clear()
  }

  test('C2: it keeps its stream and has every event once, also as the tab that leads; shown again, it finds out at once that its connection is dead', async () => {
    const alone = await open({})
    const leader = await open({ identity: '7' })
    const follower = await open({ identity: '7' })
    const all = [alone, leader, follower]
    // Timers of a hidden page are aligned to seconds: that they sleep for longer shows what this is about.
    for (const tab of [alone, leader]) {
      await expect.poll(() => asleepMs(tab), { timeout: 60_000, interval: 500 }).toBeGreaterThan(3_000)
    }
    const opened = await Promise.all(all.map(connections))
    const newest = opened.map((all) => all.at(-1))
    expect(newest[2], 'the follower has the connection of the tab that leads').toEqual(newest[1])

    const events: string[] = []
    const tell = async (data: string): Promise<void> => {
      events.push(data)
      await publish(data)
    }
    // Longer than the watchdog would wait.
    for (let n = 0; n < 5; n++) {
      await tell(`hidden ${n}`)
      await pause(0.6 * heartbeatMs)
    }
    for (const tab of all) await expect.poll(() => got(tab)).toEqual(events)
    expect(await Promise.all(all.map(connections)), 'each keeps its stream').toEqual(opened)

    // The silence begins here, not at some ping before it.
    await tell('the last that is heard')
    for (const tab of all) await expect.poll(() => got(tab)).toEqual(events)
    deaden()
    const known = [...events]
    await tell('on a dead line')
    // Silence that makes a shown tab doubt (1.5 heartbeats), and that the watchdog bears for 5.4 s more (2.5).
    await pause(1.6 * heartbeatMs)
    for (const tab of all) expect(await got(tab)).toEqual(known)
    for (const tab of [alone, leader]) {
      const shownAt = performance.now()
      await tab.show()
      await expect.poll(() => got(tab), { interval: 20 }).toEqual(events)
      console.log(`shown, it had what it missed after ${Math.round(performance.now() - shownAt)} ms`)
      expect((await connections(tab)).length).toBe((opened[all.indexOf(tab)]?.length ?? 0) + 1)
      // The watchdog would have found it too, later, and called it a timeout.
      expect(await tab.run('errors')).toEqual([])
    }
    await tell('shown')
    for (const tab of all) await expect.poll(() => got(tab)).toEqual(events)
    for (const tab of all) await tab.run('client.close()')
    expect(browser.complaints).toEqual([])
  }, 150_000)
})
