import { request } from 'node:http'
import { expect, test } from 'vitest'
import { root, headersOf, startHub } from './server.js'

interface Head {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

function ask(port: number, method: string, path: string, headers: Record<string, string> = {}): Promise<Head> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', method, path, headers: { ...headersOf(root), ...headers } }, (response) => {
      let body = ''
      response.on('data', (bytes) => {
        body += bytes
      })
      response.on('end', () => {
        const {
          date: _date,
          connection: _connection,
          'keep-alive': _keep,
          'x-request-id': _id,
          ...rest
        } = response.headers
        resolve({ status: response.statusCode ?? 0, headers: rest, body })
      })
    })
      .on('error', reject)
      .end()
  })
}

test('[P4.19] HEAD is answered as GET is, without the body', async () => {
  const { port, hub, call } = await startHub()
  await hub.publish({ topic: 'report:9', type: 'n', data: 'x'.repeat(3_000) })
  const { body } = await call<{ job: { id: string } }>('/jobs', { body: { owner: 'user:root', kind: 'k' } })
  for (const path of [
    '/health',
    '/ready',
    '/topics/report:9',
    '/jobs',
    `/jobs/${body.job.id}`,
    '/jobs/none',
    '/nothing',
    '/openapi.json',
  ]) {
    for (const encoding of ['identity', 'gzip']) {
      const headers = { 'accept-encoding': encoding }
      const [head, get] = [await ask(port, 'HEAD', path, headers), await ask(port, 'GET', path, headers)]
      expect([path, head.status, head.headers]).toEqual([path, get.status, get.headers])
      expect(head.body).toBe('')
      const fetched = await hub.fetch(
        new Request(`http://hub.test${path}`, { method: 'HEAD', headers: headersOf(root) }),
      )
      expect([path, fetched.status, await fetched.text()]).toEqual([path, get.status, ''])
    }
  }
  expect((await ask(port, 'HEAD', '/tokens')).status).toBe(405)
})

test('[P4.19] HEAD of /events opens nothing: no stream, no held poll, no place that counts', async () => {
  const { port, hub } = await startHub({ limits: { connections: { user: 1 } } })
  for (let time = 0; time < 3; time++) {
    const stream = await ask(port, 'HEAD', '/events?topic=a', { accept: 'text/event-stream' })
    expect(stream).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    })
    const began = performance.now()
    const poll = await ask(port, 'HEAD', '/events?topic=a&since=start&wait=20', { accept: 'application/json' })
    expect(poll).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'application/json' } })
    expect(performance.now() - began).toBeLessThan(15_000)
  }
  expect(hub.stats()).toMatchObject({ opened: 0, connections: 0 })
  expect(
    (await ask(port, 'HEAD', '/events?topic=a', { accept: 'text/event-stream', 'x-session': '%7B%7D' })).status,
  ).toBe(403)
  expect((await ask(port, 'HEAD', '/events?topic=a%20b')).status).toBe(400)
  expect((await ask(port, 'HEAD', '/events?topic=a&since=x')).status).toBe(400)
})
