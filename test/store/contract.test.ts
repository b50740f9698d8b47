import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/store/memory.js'
import { storeContract } from '#src/testing/store-contract.js'

storeContract(
  'memory',
  async (options) => {
    const store = memoryStore(options)
    await store.open()
    return { store, discard: () => store.close() }
  },
  { describe, test, expect },
)
