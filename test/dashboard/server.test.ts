import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createDashboard, loopbackHosts } from '#src/dashboard/index.js'
import { createHub } from '#src/index.js'
import { secret, serveHub } from './serving.js'

/** As nobody's browser would send it: the path and the headers just so. */
function raw(url: string, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    request({ hostname, port, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode as number, text }))
    })
      .on('error', reject)
      .end()
  })
}

const namesIn = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="\.\/([^"]+\.\w+)"/g)].map(([, name]) => name!)

describe('the page', () => {
  test.each(['', '/tidings', '/a/b'])(
    '[P11.16] is served below the hub, wherever that is mounted: "%s"',
    async (basePath) => {
      const { url } = await serveHub({ basePath })
      for (const path of ['/dashboard', '/dashboard/', '/dashboard/connections']) {
        const response = await fetch(`${url}${path}`)
        expect(response.status).toBe(200)
        expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
        const html = await response.text()
        const base = new URL(/<base href="([^"]+)"/.exec(html)![1]!, response.url)
        expect(base.href).toBe(`${url}/dashboard/`)
        const names = namesIn(html)
        expect(names.length).toBeGreaterThan(2)
        for (const name of names) expect((await fetch(new URL(name, base))).status, name).toBe(200)
      }
    },
  )

  test('T20: nothing of elsewhere, nothing written into it, in no frame, kept by no cache', async () => {
    const { url } = await serveHub()
    const response = await fetch(`${url}/dashboard`)
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const html = await response.text()
    expect(html).not.toMatch(/<style|style=|\son\w+=/)
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/)
  })

  test('its files are kept for ever, by a name that changes with them, and come compressed', async () => {
    const { url } = await serveHub()
    const names = namesIn(await (await fetch(`${url}/dashboard`)).text())
    for (const name of names) {
      expect(name).toMatch(/-[\w-]{8}\.(js|css|svg)$/)
      const { headers } = await fetch(`${url}/dashboard/${name}`, { headers: { 'Accept-Encoding': 'br, gzip' } })
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-type')).toMatch(/^(text\/(javascript|css); charset=utf-8|image\/svg\+xml)$/)
      if (!name.endsWith('.svg')) expect(headers.get('content-encoding')).toBe('br')
    }
  })

  test.each([
    '/dashboard/none.js',
    '/dashboard/index.html',
    '/dashboard/../../package.json',
    '/dashboard/..%2f..%2f..%2fpackage.json',
    '/dashboard/%2e%2e%2f%2e%2e%2fpackage.json',
    '/dashboard/..%5c..%5cpackage.json',
    '/dashboard/assets/x/y',
    '/dashboard/%00.js',
  ])('no file but its own is served: %s', async (path) => {
    const { url } = await serveHub()
    const { status, text } = await raw(url, path)
    expect(status).toBe(404)
    expect(JSON.parse(text)).toMatchObject({ code: 'not_found' })
  })

  test('a hub without one says so', async () => {
    const hub = await createHub({ jwt: { secret } })
    const response = await hub.fetch(new Request('http://127.0.0.1/dashboard'))
    expect(response.status).toBe(404)
    await hub.close({ drainMs: 0 })
  })
})

describe('by which names it is called', () => {
  test('T5: on a loopback address a name that was rebound to it is refused', async () => {
    const { url } = await serveHub({ dashboard: { allowedHosts: loopbackHosts } })
    for (const Host of [
      'evil.example',
      'evil.example:4000',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '169.254.1.1',
    ]) {
      const { status, text } = await raw(url, '/dashboard', { Host })
      expect(status, Host).toBe(403)
      expect(JSON.parse(text)).toMatchObject({ code: 'forbidden', field: 'Host' })
    }
    for (const Host of ['localhost:4000', 'app.localhost', '127.0.0.1', '[::1]:4000'])
      expect((await raw(url, '/dashboard', { Host })).status, Host).toBe(200)
  })

  test('T5: those that are named are let through, and no others', async () => {
    const { url } = await serveHub({ dashboard: { allowedHosts: ['admin.example', '*.ops.example'] } })
    const statusFor = async (Host: string) => (await raw(url, '/dashboard', { Host })).status
    expect(await statusFor('admin.example')).toBe(200)
    expect(await statusFor('a.ops.example:8443')).toBe(200)
    expect(await statusFor('ops.example')).toBe(403)
    expect(await statusFor('127.0.0.1')).toBe(403)
  })

  test.each([[[]], [['https://admin.example']], [['Admin.example']], [['a:4000']], ['admin.example']])(
    'a list that cannot be is refused by name: %j',
    (allowedHosts) => {
      expect(() => createDashboard({ allowedHosts: allowedHosts as string[] })).toThrow(/allowedHosts/)
    },
  )
})
