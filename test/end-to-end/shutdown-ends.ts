import { expect } from 'vitest'
import { type Stage, neverCloses } from './shutdown.js'

/** SIGTERM, with a reader that holds the node to the end of the set time; what the node says meanwhile, and how it ends. */
export async function drain(stage: Stage) {
  const { first, scene, token } = stage
  const held = await neverCloses(stage)
  const ready = async () => {
    const response = await fetch(`${first.url}/ready`)
    return { status: response.status, body: (await response.json()) as object }
  }
  expect(await ready()).toMatchObject({ status: 200 })

  const began = performance.now()
  first.program.signal('SIGTERM')
  await first.program.until(({ errors }) => errors.includes('"msg":"draining"'))
  const heardMs = performance.now() - began
  expect(await ready()).toEqual({ status: 503, body: { ready: false, reason: 'draining' } })
  const notReadyMs = performance.now() - began

  const ask = (accept: string) =>
    fetch(`${first.url}/events?topic=report:all`, { headers: { Authorization: `Bearer ${token}`, Accept: accept } })
  for (const accept of ['text/event-stream, application/problem+json', 'application/json']) {
    const refused = await ask(accept)
    expect(refused.status, accept).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(Math.ceil(scene.returnWindowMs / 1_000))
    expect(await refused.json()).toMatchObject({ code: 'draining', retryAfterMs: expect.any(Number) })
  }
  // What a native EventSource sends: it would give up for good on a status.
  const softened = await ask('text/event-stream')
  expect(softened.status).toBe(200)
  const text = await softened.text()
  const [, retry] = /^retry: ?(\d+)$/m.exec(text) ?? []
  const bye = JSON.parse(/^data: ?(.*)$/m.exec(text)?.[1] ?? 'null')
  expect(bye).toMatchObject({ reason: 'shutdown', code: 'draining', reconnect: true, retryAfterMs: Number(retry) })
  expect(text).not.toMatch(/^id|hello/m)
  const publish = await fetch(`${first.url}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ topic: 'report:other', type: 'late', data: 1 }),
  })

  expect(publish.status, 'publishes are taken to the end').toBe(201)

  const code = await first.program.ended()
  const endedMs = performance.now() - began
  held.close()
  expect(code).toBe(0)
  // It waits as long as was set for whoever stays, and not longer.
  expect(endedMs).toBeGreaterThan(scene.drainMs * 0.9)
  expect(endedMs).toBeLessThan(scene.drainMs + 30_000)
  return {
    heardMs: Math.round(heardMs),
    notReadyMs: Math.round(notReadyMs),
    publishWhileDraining: publish.status,
    exitMs: Math.round(endedMs),
  }
}

/** SIGTERM, and once more while somebody holds the node: it ends at once, with 1. */
export async function twice(stage: Stage) {
  const held = await neverCloses(stage)
  stage.first.program.signal('SIGTERM')
  await stage.first.program.until(({ errors }) => errors.includes('"msg":"draining"'))
  const began = performance.now()
  expect(await stage.first.program.kill('SIGTERM')).toBe(1)
  const exitMs = performance.now() - began
  held.close()
  // Well before the drain would be over.
  expect(exitMs).toBeLessThan(stage.scene.drainMs / 2)
  return { exitMs: Math.round(exitMs) }
}

/** No word to anybody. */
export async function kill({ first }: Stage) {
  expect(await first.program.kill('SIGKILL')).toBe('SIGKILL')
  return {}
}
