import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Program } from '../cli/program.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { hasNginx, Nginx } from '../fixtures/nginx.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { blockOf, blocksOf, replaced } from './blocks.js'
import { yamlFile } from './manifests.js'

const page = 'docs/guides/docker.md'
const [compose] = yamlFile('examples/compose/compose.yaml')
const dockerfile = readFileSync('examples/compose/Dockerfile', 'utf8')
const secret = 'a secret that only this test knows, long enough'

/** What follows an instruction of the Dockerfile's last stage. */
const instruction = (name: string): string => {
  const found = dockerfile
    .slice(dockerfile.lastIndexOf('FROM '))
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
  if (!found) throw new Error(`${name} is not in the Dockerfile`)
  return found.slice(name.length + 1)
}

describe('docs/guides/docker.md and examples/compose', () => {
  const image = mkdtempSync(join(tmpdir(), 'tidings-image-'))
  const entrypoint = JSON.parse(instruction('ENTRYPOINT')) as string[]
  const main = (entrypoint[1] as string).replace('/app', image)

  // The image's own installation, from the library as it was built before the tests.
  beforeAll(() => {
    const sh = (command: string, cwd: string): void => {
      const { status, stderr } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' })
      if (status !== 0) throw new Error(`${command}: ${stderr}`)
    }
    sh(`npm pack --pack-destination ${image}`, '.')
    sh(replaced(instruction('RUN'), { '/package/': `${image}/`, 'npm install': `npm install --prefer-offline` }), image)
  }, 240_000)
  afterAll(() => rmSync(image, { recursive: true, force: true }))

  function container(args: readonly string[], environment: Record<string, string>): Program {
    const program = new Program(args, { NODE_ENV: 'production', ...environment }, main)
    onTestFinished(async () => void (await program.kill()))
    return program
  }

  test('the steps that build it are scripts of this repository', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(dockerfile).toContain('RUN npm run build -- --library\n')
    expect(scripts.build).toBe('node scripts/build.mjs')
    expect(readFileSync('scripts/build.mjs', 'utf8')).toContain("'--library'")
  })

  test('the image installs what the hub needs, starts with its CMD, and its HEALTHCHECK tells the truth', async () => {
    const command = JSON.parse(instruction('CMD')) as string[]
    const [port] = (await freePorts(1)) as [number]
    const environment = { TIDINGS_JWT_SECRET: secret, TIDINGS_STORE: 'memory', TIDINGS_PORT: `${port}` }
    const program = container(command, environment)
    await program.until(({ lines }) => lines.length > 0)
    expect(program.lines[0]).toBe(`tidings ready http://0.0.0.0:${port}`)
    const [node, ...check] = JSON.parse(
      replaced(instruction('HEALTHCHECK').replace(/^.*CMD /, ''), { '4000': `${port}` }),
    )
    expect(node).toBe('node')
    expect(spawnSync(process.execPath, check).status).toBe(0)
    expect(await program.kill('SIGTERM')).toBe(0)
    expect(spawnSync(process.execPath, check).status).toBe(1)
  })

  test('what compose.yaml refers to is there, and a hub has time to drain', () => {
    const { services, volumes } = compose
    for (const [name, service] of Object.entries<any>(services)) {
      const needs = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {})
      for (const other of needs) expect(services, `${name} needs ${other}`).toHaveProperty(other)
      for (const volume of service.volumes ?? []) {
        const [source] = volume.split(':')
        if (source.startsWith('./')) readFileSync(join('examples/compose', source))
        else expect(volumes).toHaveProperty(source)
      }
    }
    const { build } = services['hub-1']
    expect(join('examples/compose', build.context, build.dockerfile)).toBe('examples/compose/Dockerfile')
    expect(Number.parseInt(services['hub-2'].stop_grace_period, 10)).toBeGreaterThan(10)
    for (const name of ['hub-1', 'hub-2', 'nginx']) {
      expect(blocksOf(page).some(({ language, text }) => language === 'sh' && text.includes(name))).toBe(true)
    }
  })

  test('the update goes through the hubs of compose.yaml one by one, then tells its nginx', () => {
    const lines = blockOf(page, 'update').trimEnd().split('\n')
    const told = lines.map((line) => /^docker compose -f (\S+) (up|exec) (?:-\S+ )*(\S+)/.exec(line)?.slice(1))
    const file = 'examples/compose/compose.yaml'
    expect(told).toEqual([
      [file, 'up', 'hub-1'],
      [file, 'up', 'hub-2'],
      [file, 'exec', 'nginx'],
    ])
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(['hub-1', 'hub-2', 'nginx']))
    // Waiting for a hub takes a health check, which the image has.
    expect(instruction('HEALTHCHECK')).toContain('CMD')
  })

  test.skipIf(noRedis !== null || !hasNginx || !existsSync('/usr/bin/curl'))(
    'S1: its hubs, its Redis and its nginx work together, and the guide publishes and reads',
    async () => {
      const { services } = compose
      const [server, ...words] = services.redis.command as string[]
      expect(server).toBe('redis-server')
      const settings: Record<string, string> = {}
      for (let index = 0; index < words.length; index += 2)
        settings[(words[index] as string).slice(2)] = words[index + 1] as string
      const redis = await redisForTest({ settings })

      const [listen, ...ports] = (await freePorts(3)) as [number, number, number]
      for (const [index, name] of ['hub-1', 'hub-2'].entries()) {
        const { command, environment } = services[name]
        expect(environment.TIDINGS_JWT_SECRET).toMatch(/^\$\{TIDINGS_JWT_SECRET:\?/)
        const args = command.map((word: string) => word.replace('redis://redis:6379', redis.url))
        expect(args).toContain(redis.url)
        const hub = container([...args, '--port', `${ports[index]}`], { TIDINGS_JWT_SECRET: secret })
        await hub.until(({ lines }) => lines.length > 0)
      }
      const nginx = new Nginx(
        replaced(readFileSync('examples/compose/nginx.conf', 'utf8'), {
          'listen 80': `listen 127.0.0.1:${listen}`,
          'hub-1:4000': `127.0.0.1:${ports[0]}`,
          'hub-2:4000': `127.0.0.1:${ports[1]}`,
          '/var/log/nginx/': '@folder@/',
        }),
      )
      onTestFinished(() => nginx.stop())
      await nginx.start(listen)

      const token = await bearer(secret, '7', { publish: ['user:7'] })
      const sh = (text: string): string => {
        const command = replaced(text, { '127.0.0.1:8080': `127.0.0.1:${listen}` })
        // The reader of the guide ends with Ctrl+C, this one after a second.
        const { stdout } = spawnSync('sh', ['-c', command.replaceAll('curl -N', 'curl -N -m 1')], {
          encoding: 'utf8',
          env: { ...process.env, TOKEN: token },
        })
        return stdout
      }
      expect(sh(blockOf(page, 'compose').split('\n').at(-2) as string)).toContain('"ready":true')
      const said = sh(blockOf(page, 'use'))
      expect(said).toContain('"cursor"')
      expect(said).toContain('"data":{"title":"Hello"}')
    },
  )
})
