import { describe, expect, test } from 'vitest'
import { storeContract } from '#src/testing/store-contract.js'
import { makers } from './makers.js'
import { noRedis } from './redis-suite.js'

for (const [name, make, capabilities] of makers) storeContract(name, make, { describe, test, expect }, capabilities)

if (noRedis) test.skip(`store contract: redis (${noRedis})`, () => undefined)
