import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../fixtures/free-port.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { type StreamReader, readStream } from '../fixtures/stream.js'
import { blocksOf, replaced } from './blocks.js'

const page = 'docs/guides/bullmq.md'

/** What the guide calls your own. */
const app = `
export const readSession = async (request: Request) => (request.headers.get('cookie') === 'user=7' ? { userId: '7' } : null)
export const encode = async (file: string): Promise<void> => void file
`

function programsIn(folder: string, port: number, redisPort: number): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'app.ts'), app)
  const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    hub: { '6379': String(redisPort), '3000': String(port), './data/tidings.db': join(folder, 'tidings.db') },
  }
  for (const { name, text } of blocksOf(page)) {
    writeFileSync(join(folder, `${name}.ts`), replaced(text, own[name] ?? { '6379': String(redisPort) }))
  }
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false, declarationMap: false }
  const project = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
}

function run(folder: string, name: string): ChildProcess {
  const child = spawn(process.execPath, [join(folder, 'out', `${name}.js`)], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return child
}

describe.skipIf(noRedis !== null)(`docs/guides/bullmq.md${noRedis ? ` (${noRedis})` : ''}`, () => {
  test('J10: its programs compile, and a page sees the job of an unchanged worker through them', async () => {
    const redis = await redisForTest()
    const [port = 0] = await freePorts(1)
    const folder = resolve('.cache', `bullmq-guide-${process.pid}`)
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    programsIn(folder, port, redis.port)
    expect(blocksOf(page).map(({ name }) => name)).toEqual(['hub', 'worker', 'add'])
    const compiler = resolve('node_modules/typescript/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)

    const hub = run(folder, 'hub')
    run(folder, 'worker')
    const connect = (): Promise<StreamReader | null> =>
      readStream(`http://127.0.0.1:${port}/tidings`, { headers: { cookie: 'user=7' }, timeoutMs: 20_000 }).catch(
        () => null,
      )
    let reader = await connect()
    while (!reader) reader = await connect()

    const add = run(folder, 'add')
    let id = ''
    add.stdout?.on('data', (chunk: Buffer) => {
      id += chunk.toString()
    })
    await once(add, 'close')
    const events = await reader.until(({ type }) => type === 'job.completed')
    expect(events.at(-1)?.data).toMatchObject({ id: id.trim(), owner: 'user:7', result: { frames: 1200 } })
    await reader.close()
    hub.kill('SIGTERM')
    expect((await once(hub, 'exit'))[0]).toBe(0)
  })
})
