import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll } from 'vitest'
import { noRedis as notInstalled, type RedisServer, startRedis } from '../fixtures/redis.js'

/** `npm run test:store -- --redis <url>` runs the suite against that server, under prefixes of its own. */
const given = process.env['TIDINGS_TEST_REDIS']

/** Why the suite does not run on Redis, or null. */
export const noRedis: string | null = given ? null : notInstalled

let server: Promise<RedisServer> | null = null
let admin: Promise<Redis> | null = null

/** A fresh prefix on the server that all tests of the file share; `discard` removes what it left. */
export async function redisForSuite() {
  const url = given ?? (await (server ??= startRedis())).url
  admin ??= Promise.resolve(new Redis(url))
  const redis = await admin
  const prefix = `tidings-suite-${randomBytes(6).toString('hex')}:`
  return {
    url,
    prefix,
    async discard() {
      for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
        const found = keys as string[]
        if (found.length > 0) await redis.unlink(...found)
      }
    },
  }
}

afterAll(async () => {
  await (await admin)?.quit()
  await (await server)?.stop()
})
