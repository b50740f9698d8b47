import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Finding } from '#src/cli/doctor/finding.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { hasNginx, Nginx } from '../fixtures/nginx.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { run, serve, type Serving } from './program.js'

const secret = 'a secret that only this test knows, long enough'
const origin = 'https://app.example.com'
const folder = mkdtempSync(join(tmpdir(), 'tidings-doctor-'))
let hub: Serving
let token = ''

beforeAll(async () => {
  const flags = ['--port', '0', '--store', `sqlite:${join(folder, 'doctor.db')}`, '--log-level', 'silent']
  hub = await serve([...flags, '--trusted-proxies', '127.0.0.1', '--allowed-origins', origin], {
    TIDINGS_JWT_SECRET: secret,
  })
  token = await bearer(secret, '7', { publish: ['user:7'], admin: true })
})
afterAll(async () => {
  await hub.program.kill()
  rmSync(folder, { recursive: true, force: true })
})

interface Report {
  readonly code: number | string
  readonly findings: readonly Finding[]
  /** What it complains of. */
  readonly wrong: readonly string[]
  readonly of: (code: string) => Finding | undefined
}

/** A machine that stands still is slow, and the doctor says so: then it looks again. */
async function examine(url: string, ...flags: string[]): Promise<Report> {
  for (let tries = 1; ; tries++) {
    const report = await examineOnce(url, ...flags)
    if (tries === 10 || !report.wrong.some((code) => ['slow-start', 'merging', 'clock'].includes(code))) return report
  }
}

async function examineOnce(url: string, ...flags: string[]): Promise<Report> {
  const { code, lines, errors } = await run(['doctor', url, '--json', ...flags], { TIDINGS_TOKEN: token })
  expect(errors).toBe('')
  const found = JSON.parse(lines.join('\n')) as { findings: Finding[] }
  // That the hub's process was held up is the machine's, and is told for ten seconds.
  const findings = found.findings.map((one) =>
    one.says.includes('event loop was held up') ? { ...one, code: 'reach', level: 'ok' as const } : one,
  )
  const wrong = findings.filter(({ level }) => level === 'bad' || level === 'warning').map(({ code }) => code)
  expect(JSON.stringify(findings)).not.toContain(token)
  return { code, findings, wrong, of: (wanted) => findings.find((finding) => finding.code === wanted) }
}

const good = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;`

/** A real nginx in front of the hub: its address below /tidings. */
async function front(location: string, { listen = '', pass = '/', server = '' } = {}): Promise<string> {
  const [port] = (await freePorts(1)) as [number]
  const to = `127.0.0.1:${new URL(hub.url).port}`
  const nginx = new Nginx(`server { listen 127.0.0.1:${port} ${listen}; ${server}
    location /tidings/ { proxy_pass http://${to}${pass}; ${location} } }`)
  onTestFinished(() => nginx.stop())
  if (server !== '') {
    const files = ['-keyout', `${nginx.folder}/key.pem`, '-out', `${nginx.folder}/certificate.pem`]
    const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'.split(' ')
    expect(spawnSync('openssl', ['req', ...made, ...files]).status).toBe(0)
  }
  await nginx.start(port)
  return `${server === '' ? 'http' : 'https'}://127.0.0.1:${port}/tidings`
}

const quick = ['--idle', '1']

describe.skipIf(!hasNginx)('tidings doctor, through a real nginx', () => {
  test('O5: of a good configuration there is no complaint, and everything was looked at', async () => {
    const { code, wrong, findings, of } = await examine(await front(good), ...quick, '--origin', origin)
    expect([code, wrong]).toEqual([0, []])
    expect(findings.filter(({ level }) => level === 'skipped')).toEqual([])
    for (const looked of [
      'reach',
      'cors',
      'credential',
      'clock',
      'upstream-version',
      'proxy-trust',
      'store',
      'first-byte',
      'round-trip',
      'merging',
      'poll',
    ])
      expect([looked, of(looked)?.level]).toEqual([looked, 'ok'])
    expect(of('proxy-trust')?.says).toContain('127.0.0.1')
  })

  const gzip = 'gzip on; gzip_types text/event-stream; gzip_min_length 1; gzip_http_version 1.0;'

  test('O5: a proxy that holds streams back, because the hub’s own header against it is ignored', async () => {
    const ignoring = 'proxy_ignore_headers X-Accel-Buffering; proxy_buffering on;'
    const { code, wrong, of } = await examine(await front(`${good} ${ignoring} ${gzip}`), ...quick)
    expect([code, wrong]).toEqual([1, ['buffering']])
    expect(of('buffering')?.fix?.join()).toContain('no "proxy_ignore_headers X-Accel-Buffering"')
  })

  test('O5: a proxy that compresses streams, though it holds nothing back', async () => {
    const { code, wrong, of } = await examine(await front(`${good} proxy_buffering off; ${gzip}`), ...quick)
    expect([code, wrong]).toEqual([0, ['compression']])
    expect(of('compression')?.fix?.join()).toContain('gzip_types')
    expect(of('round-trip')?.level).toBe('ok')
  })

  test('O5: a short proxy_read_timeout cuts quiet streams and held polls', async () => {
    const { code, wrong, of } = await examine(await front(`${good} proxy_read_timeout 1s;`), '--idle', '3')
    expect([code, wrong]).toEqual([1, ['poll', 'idle']])
    expect(of('idle')?.says).toMatch(/cut after \d+(\.\d)? s of silence/)
    expect(of('idle')?.fix?.join()).toContain('proxy_read_timeout 60s;')
  })

  test('O5: HTTP/1.0 to the hub, which is nginx’s default', async () => {
    const { code, wrong, of } = await examine(await front('proxy_set_header X-Forwarded-For $remote_addr;'), ...quick)
    expect([code, wrong]).toEqual([0, ['upstream-version']])
    expect(of('upstream-version')?.fix?.join()).toContain('proxy_http_version 1.1;')
  })

  test('O5: behind TLS and HTTP/2 there is no complaint; behind TLS alone there is one', async () => {
    const server = 'ssl_certificate @folder@/certificate.pem; ssl_certificate_key @folder@/key.pem;'
    const two = await examine(await front(good, { listen: 'ssl http2', server }), ...quick, '--insecure')
    expect([two.code, two.wrong, two.of('http-version')?.level]).toEqual([0, [], 'ok'])
    const one = await front(good, { listen: 'ssl', server })
    const distrusted = await examine(one, ...quick)
    expect([distrusted.code, distrusted.wrong]).toEqual([1, ['certificate']])
    expect((await examine(one, ...quick, '--insecure')).wrong).toEqual(['http-version'])
  })

  test('O5: a proxy that takes Authorization away is told from a bad token', async () => {
    const stripped = await examine(await front(`${good} proxy_set_header Authorization "";`), ...quick)
    expect([stripped.code, stripped.wrong]).toEqual([1, ['authorization']])
    const url = await front(good)
    const forged = await run(['doctor', url, '--json', '--token', `${token.slice(0, -6)}AAAAAA`])
    expect(forged.code).toBe(1)
    expect(forged.lines.join()).toContain('The hub refuses the token')
  })

  test('O5: a prefix that is passed on, a wrong path, and a proxy without a hub are three things', async () => {
    const passed = await examine(await front(good, { pass: '' }))
    expect([passed.code, passed.wrong]).toEqual([1, ['path']])
    expect(passed.of('path')?.says).toContain('the prefix reaches it')
    const wrong = await examine(`${(await front(good)).replace('/tidings', '/elsewhere')}`)
    expect(wrong.of('path')?.says).toContain('it is no hub')
    const nobody = await examine(await front(`${good} error_page 404 =502 /x;`, { pass: '/nowhere/' }))
    expect(nobody.wrong).toHaveLength(1)
  })

  test('H5, O5: a page that may not call it, and a proxy that answers CORS beside the hub', async () => {
    const url = await front(good)
    const other = await examine(url, ...quick, '--origin', 'https://other.example.com')
    expect([other.code, other.wrong]).toEqual([1, ['cors']])
    expect(other.of('cors')?.fix?.join()).toContain('--allowed-origins https://other.example.com')
    const twice = await front(`${good} add_header Access-Control-Allow-Origin * always;`)
    expect((await examine(twice, ...quick, '--origin', origin)).of('cors')?.says).toContain('twice')
  })

  test('A6, O5: a proxy that the hub does not trust, and HTTP/1.0, both told by what reaches the hub', async () => {
    const distrusting = await serve(['--port', '0', '--store', 'memory'], { TIDINGS_JWT_SECRET: secret })
    onTestFinished(async () => void (await distrusting.program.kill()))
    const [port] = (await freePorts(1)) as [number]
    const nginx = new Nginx(`server { listen 127.0.0.1:${port};
      location /tidings/ { proxy_pass ${distrusting.url}/; ${good} } }`)
    onTestFinished(() => nginx.stop())
    await nginx.start(port)
    const { wrong, of } = await examine(`http://127.0.0.1:${port}/tidings`, ...quick)
    expect(wrong).toEqual(['proxy-trust', 'store-memory'])
    expect(of('proxy-trust')?.fix?.join()).toContain('--trusted-proxies')
  })
})

describe('tidings doctor', () => {
  test('O5: nobody there, no credential, and a person without rights are said in words', async () => {
    const [port] = (await freePorts(1)) as [number]
    const nobody = await run(['doctor', `http://127.0.0.1:${port}`])
    expect(nobody.code).toBe(1)
    expect(nobody.lines[0]).toMatch(/^bad +Nobody listens at/)
    expect(nobody.lines.join('\n')).not.toContain('\u001b')
    const bare = await run(['doctor', hub.url, '--json'])
    expect([bare.code, bare.lines.join()]).toEqual([1, expect.stringContaining('lets nobody in without a credential')])
    const plain = await bearer(secret, '8', {})
    const poor = await run(['doctor', hub.url, '--json', '--idle', '1', '--token', plain])
    expect(poor.code).toBe(0)
    const { findings } = JSON.parse(poor.lines.join()) as { findings: Finding[] }
    expect(findings.filter(({ level }) => level === 'skipped').map(({ code }) => code)).toEqual([
      'cors',
      'store',
      'round-trip',
    ])
  })

  test.skipIf(noRedis)('O5: a Redis that evicts or keeps nothing is found', async () => {
    const redis = await redisForTest({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
    const flags = ['--port', '0', '--store', redis.url, '--redis-allow-eviction', '--log-level', 'silent']
    const evicting = await serve(flags, { TIDINGS_JWT_SECRET: secret })
    onTestFinished(async () => void (await evicting.program.kill()))
    const { code, wrong } = await examine(evicting.url, '--idle', '1')
    expect([code, wrong]).toEqual([1, ['redis-eviction', 'redis-persistence']])
  })

  test('O5: each thing to mend has its heading in the guide that the words point at', () => {
    const guide = readFileSync('docs/guides/troubleshooting.md', 'utf8')
    const sources = ['reach', 'credential', 'store-policy', 'cors', 'streaming', 'doctor'].map((name) =>
      readFileSync(`src/cli/doctor/${name}.ts`, 'utf8'),
    )
    const codes = new Set(
      sources.flatMap((source) => [...source.matchAll(/\b(?:bad|warning)\(\s*'([a-z-]+)'/g)].map(([, code]) => code)),
    )
    expect(codes.size).toBeGreaterThan(15)
    for (const code of codes) expect(guide).toMatch(new RegExp(`^### ${code}$`, 'm'))
  })
})
