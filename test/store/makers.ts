import { memoryStore } from '#src/store/memory.js'
import type { MakeStore } from '#src/testing/store-contract.js'

/** Every store of the project, fresh and open, with what it needs. */
export const makers: readonly (readonly [name: string, make: MakeStore])[] = [
  [
    'memory',
    async (options) => {
      const store = memoryStore(options)
      await store.open()
      return { store, discard: () => store.close() }
    },
  ],
]
