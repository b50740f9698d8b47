// Reads numbers with the client on whatever runs this: a line for each, until it has had as many as it is told.
import { createClient } from '../../dist/client/index.js'

const [url, transport, until] = process.argv.slice(2)
const client = createClient({
  url,
  transport,
  fetch: (address, init) => fetch(`${address}&userId=7`, init),
})
client.onError(({ kind }) => console.log(`error ${kind}`))
client.status.subscribe(() => console.log(`status ${client.status.getSnapshot().status}`))
client.subscribe('user:7', {
  number: ({ data }) => {
    console.log(`number ${data}`)
    if (data === Number(until)) client.close()
  },
})
