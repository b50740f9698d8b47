// Events per second published and delivered through the whole hub: see README.md for the method.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const rounds = Number(process.env.ROUNDS ?? 3)
const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
const fixture = fileURLToPath(new URL('../test/fixtures/hub.mjs', import.meta.url))

async function start(options) {
  const child = fork(fixture, [JSON.stringify(options)])
  const [{ port }] = await once(child, 'message')
  const ask = async (message) => {
    const answer = once(child, 'message')
    child.send(message)
    return (await answer)[0]
  }
  return { child, port, ask }
}

/** Counts `data:` lines of events that reach `readers` streams; resolves when each has had `count`. */
async function readers(port, readerCount, count) {
  let left = readerCount * count
  let done
  const all = new Promise((resolve) => {
    done = resolve
  })
  const responses = await Promise.all(
    Array.from(
      { length: readerCount },
      () =>
        new Promise((resolve) =>
          get(`http://127.0.0.1:${port}/events?topic=user:7&userId=7`, { agent: false }, resolve),
        ),
    ),
  )
  for (const response of responses) {
    let carry = ''
    response.on('data', (bytes) => {
      const text = carry + bytes.toString('latin1')
      let at = text.indexOf('event: n\n')
      let end = 0
      while (at >= 0) {
        left--
        end = at + 9
        at = text.indexOf('event: n\n', end)
      }
      carry = text.slice(Math.max(end, text.length - 8))
      if (left <= 0) done()
    })
  }
  return { all, close: () => responses.map((response) => response.destroy()) }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
const show = (name, values) =>
  console.log(
    `${name.padEnd(64)} ${Math.round(median(values)).toLocaleString('en').padStart(10)} /s   (${values.map((value) => Math.round(value).toLocaleString('en')).join(', ')})`,
  )

for (const store of ['memory', 'sqlite']) {
  const options = store === 'sqlite' ? { sqlite: join(folder, 'hub.db') } : {}
  const published = []
  const delivered = []
  for (let round = 0; round < rounds; round++) {
    const hub = await start({ ...options, slowConsumerMs: 60_000 })
    const { ms } = await hub.ask({ publish: { topic: 'user:7', count: 20_000, atOnce: 64 } })
    published.push(20_000 / (ms / 1000))
    const audience = await readers(hub.port, 100, 1_000)
    const began = performance.now()
    await hub.ask({ publish: { topic: 'user:7', count: 1_000, atOnce: 16, pauseMs: 1 } })
    await audience.all
    delivered.push(100_000 / ((performance.now() - began) / 1000))
    audience.close()
    hub.child.kill()
    await once(hub.child, 'exit')
  }
  show(`${store}: published in process, 64 at a time`, published)
  show(`${store}: delivered to 100 streams, bursts of 16`, delivered)
}
rmSync(folder, { recursive: true, force: true })
