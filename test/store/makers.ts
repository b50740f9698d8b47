import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { redisStore } from '#src/store/redis.js'
import { memoryStore } from '#src/store/memory.js'
import { sqliteStore } from '#src/store/sqlite.js'
import type { Capabilities, MakeStore } from '#src/testing/store-contract.js'
import { noRedis, redisForSuite } from './redis-suite.js'

type Maker = readonly [name: string, make: MakeStore, capabilities: Capabilities]

const redis: Maker = [
  'redis',
  async (options) => {
    const { url, prefix, discard } = await redisForSuite()
    const open = async () => {
      const store = redisStore({ ...options, url, prefix, allowEviction: true })
      await store.open()
      return store
    }
    let store = await open()
    return {
      store,
      async reopen() {
        await store.close()
        store = await open()
        return store
      },
      async discard() {
        await store.close()
        await discard()
      },
    }
  },
  {},
]

/** Every store of the project, fresh and open, with what it needs. */
export const makers: readonly Maker[] = [
  [
    'memory',
    async (options) => {
      const store = memoryStore(options)
      await store.open()
      return { store, discard: () => store.close() }
    },
    { reopens: false },
  ],
  [
    'sqlite',
    async (options) => {
      const directory = await mkdtemp(join(tmpdir(), 'tidings-sqlite-'))
      const open = async () => {
        const store = sqliteStore(join(directory, 'tidings.db'), options)
        await store.open()
        return store
      }
      let store = await open()
      return {
        store,
        async reopen() {
          await store.close()
          store = await open()
          return store
        },
        async discard() {
          await store.close()
          await rm(directory, { recursive: true, force: true })
        },
      }
    },
    {},
  ],
  ...(noRedis ? [] : [redis]),
]
