// What it costs to know who asks, and how many may come a second: see README.md for the method.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createAuthenticate } from '../dist/auth/authenticate.js'
import { incomingOf } from '../dist/auth/incoming.js'

const rounds = Number(process.env.ROUNDS ?? 3)
const count = Number(process.env.COUNT ?? 2_000)
const secret = 'a secret of the benchmark, long enough for HS256'
const issuer = 'https://id.example'
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

const keys = { HS256: { privateKey: new TextEncoder().encode(secret) } }
for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  keys[alg] = { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid: alg, use: 'sig' } }
}
const provider = createServer((_, response) => {
  const jwks = { keys: Object.values(keys).flatMap(({ jwk }) => jwk ?? []) }
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(jwks))
}).listen(0, '127.0.0.1')
await once(provider, 'listening')
const jwksUrl = `http://127.0.0.1:${provider.address().port}/keys`

const tokens = (alg, howMany) =>
  Promise.all(
    Array.from({ length: howMany }, (_, n) =>
      new SignJWT({ sub: '7', jti: String(n), tidings: { subscribe: ['report:*'] } })
        .setProtectedHeader({ alg, kid: alg })
        .setIssuer(issuer)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(keys[alg].privateKey),
    ),
  )
const asking = (token) =>
  incomingOf(
    new Request('http://127.0.0.1/events', { headers: token === null ? {} : { Authorization: `Bearer ${token}` } }),
  )

/** µs for one, wall and CPU, asked one after another. */
async function cost(options, requests) {
  const authenticate = createAuthenticate({ environment: 'test', ...options })
  await authenticate(requests[0])
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let n = 1; n < requests.length; n++) await authenticate(requests[n])
  const wall = ((performance.now() - began) * 1000) / (requests.length - 1)
  const { user, system } = process.cpuUsage(cpu)
  return { wall, cpu: (user + system) / (requests.length - 1) }
}

const jwks = { jwt: { jwksUrl, issuer } }
const ways = {
  'session function': async () => [
    { authenticate: () => ({ userId: '7', roles: ['EDITOR'] }) },
    Array(count).fill(asking(null)),
  ],
  'JWT, the same again': async () => {
    const [token] = await tokens('HS256', 1)
    return [{ jwt: { secret } }, Array(count).fill(asking(token))]
  },
  'JWT HS256, first time': async () => [{ jwt: { secret } }, (await tokens('HS256', count)).map(asking)],
  'JWT RS256, first time': async () => [jwks, (await tokens('RS256', count)).map(asking)],
  'JWT ES256, first time': async () => [jwks, (await tokens('ES256', count)).map(asking)],
  'JWT EdDSA, first time': async () => [jwks, (await tokens('EdDSA', count)).map(asking)],
}
const prepared = []
for (const [name, make] of Object.entries(ways)) prepared.push([name, ...(await make())])
const costs = new Map(prepared.map(([name]) => [name, []]))
for (let round = 0; round < rounds; round++)
  for (const [name, options, requests] of prepared) costs.get(name).push(await cost(options, requests))
for (const [name, all] of costs) {
  const [wall, cpu] = [median(all.map((one) => one.wall)), median(all.map((one) => one.cpu))]
  console.log(`${name.padEnd(24)} ${wall.toFixed(1).padStart(7)} µs  CPU ${cpu.toFixed(1).padStart(7)} µs`)
}
provider.close()

// The hub in a process of its own; streams are opened, heard to begin, and hung up.
const fixture = fileURLToPath(new URL('../test/fixtures/hub.mjs', import.meta.url))
const hub = fork(fixture, [JSON.stringify({ limits: null, jwt: { secret } })])
const [{ port }] = await once(hub, 'message')
const connect = (token) =>
  new Promise((resolve, reject) => {
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` }
    get(`http://127.0.0.1:${port}/events?topic=user:7${token === null ? '&userId=7' : ''}`, { agent: false, headers })
      .on('response', (response) => {
        if (response.statusCode !== 200) return reject(new Error(`answered ${response.statusCode}`))
        response.once('data', () => {
          response.destroy()
          resolve()
        })
      })
      .on('error', reject)
  })
async function connects(given) {
  let next = 0
  const began = performance.now()
  const worker = async () => {
    while (next < given.length) await connect(given[next++])
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  return (given.length * 1000) / (performance.now() - began)
}
const [same] = await tokens('HS256', 1)
const kinds = {
  'without a token': async () => Array(count).fill(null),
  'the same JWT': async () => Array(count).fill(same),
  // Others in each round: those of the last are known to the hub.
  'a JWT of its own each': async () => await tokens('HS256', count),
}
const rates = new Map(Object.keys(kinds).map((name) => [name, []]))
await connects(Array(500).fill(null))
for (let round = 0; round < rounds; round++) {
  for (const [name, make] of Object.entries(kinds)) {
    // `iat` is in seconds: tokens of one second would be the same ones again.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    rates.get(name).push(await connects(await make()))
  }
}
const base = median(rates.get('without a token'))
for (const [name, all] of rates) {
  const rate = median(all)
  const spread = `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`
  console.log(
    `connects, ${name.padEnd(22)} ${rate.toFixed(0).padStart(6)}/s (${spread})  × ${(rate / base).toFixed(2)}`,
  )
}
hub.kill('SIGKILL')
