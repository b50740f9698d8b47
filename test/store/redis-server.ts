import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const program = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'].find(
  existsSync,
)

/** Why tests that need a Redis are skipped, or null where they run. With `CI=true` a skip is a failure. */
export const noRedis: string | null = program ? null : 'redis-server is not installed'

/** A real, empty Redis of its own in a temporary folder, on a socket file: no port to clash with anybody's. */
export async function startRedis(): Promise<{ readonly socket: string; stop(): Promise<void> }> {
  if (!program) throw new Error('redis-server is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'tidings-redis-'))
  const socket = join(folder, 'redis.sock')
  const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn(program, settings, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(server, 'exit')
  let log = ''
  const ready = new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (/ready to accept connections/i.test(log)) resolve()
    })
    void exited.then(() => reject(new Error(`redis-server ended: ${log}`)))
  })
  await ready
  return {
    socket,
    async stop() {
      server.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
