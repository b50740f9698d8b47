export { type FakeClock, fakeClock } from './fake-clock.js'
export { type FaultProxy, type FaultProxyOptions, type Faults, faultProxy } from './fault-proxy.js'
export { seededRandom } from './seeded-random.js'
export {
  readStream,
  type StreamControl,
  type StreamOptions,
  type StreamReader,
  type StreamSource,
} from './sse-reader.js'
export {
  type Capabilities,
  type ContractOptions,
  type ContractStore,
  type Expectation,
  type MakeStore,
  storeContract,
  type TestFramework,
} from './store-contract.js'
export { type TestHub, type TestHubOptions, testHub } from './test-hub.js'
