import { appendClauses } from './store-contract/append.js'
import { deadlineClauses } from './store-contract/deadlines.js'
import { feedClauses } from './store-contract/feed.js'
import { holdingClauses } from './store-contract/holdings.js'
import { type Capabilities, type MakeStore, makeSuite, type TestFramework } from './store-contract/kit.js'
import { readClauses } from './store-contract/read.js'
import { retentionClauses } from './store-contract/retention.js'
import { stateClauses } from './store-contract/states.js'
import { topicClauses } from './store-contract/topics.js'

export type {
  Capabilities,
  ContractOptions,
  ContractStore,
  Expectation,
  MakeStore,
  TestFramework,
} from './store-contract/kit.js'

/**
 * The public suite of the store contract (S2): every clause of `store/store.ts`, as tests of the framework that is handed
 * in. `makeStore` returns a fresh, open store that uses the given clock, random source and limits. Where a store lacks one
 * of the `capabilities`, the clauses about it are left out.
 *
 * @example storeContract('my store', async (options) => ({ store, discard: () => store.close() }), { describe, test, expect })
 */
export function storeContract(
  name: string,
  makeStore: MakeStore,
  framework: TestFramework,
  capabilities: Capabilities = {},
): void {
  const suite = makeSuite(makeStore, framework, capabilities)
  framework.describe(`store contract: ${name}`, () => {
    appendClauses(suite)
    stateClauses(suite)
    readClauses(suite)
    feedClauses(suite)
    retentionClauses(suite)
    deadlineClauses(suite)
    holdingClauses(suite)
    topicClauses(suite)
  })
}
