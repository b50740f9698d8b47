// Everything side by side: `node bench/run.mjs [--rounds 3] [--only fan-1000,memory] [--servers tidings,'bare Node']`.
// Compiles the load client and the limit server, installs the peers, then runs each scenario on each server in turn, round
// by round, the server pinned to one core and the client to the other. Writes bench/results/<name>.{md,json,svg}.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chartOf, median, tableOf } from './runner/figures.mjs'
import { Load } from './runner/load.mjs'
import { scenarios } from './runner/scenarios.mjs'
import { serverTable } from './runner/servers.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    servers: { type: 'string' },
    name: { type: 'string', default: 'latest' },
    profile: { type: 'string' },
  },
})
const here = new URL('.', import.meta.url).pathname
if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })

const binaries = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
process.on('exit', () => rmSync(binaries, { recursive: true, force: true }))
for (const name of ['load', 'limit']) {
  execFileSync('gcc', ['-O2', '-Wall', '-o', join(binaries, name), join(here, 'load', `${name}.c`)], {
    stdio: 'inherit',
  })
}

const table = serverTable({ limitBinary: join(binaries, 'limit'), profileFolder: values.profile })
const wantedServers = values.servers?.split(',') ?? Object.keys(table)
const wanted = values.only?.split(',') ?? Object.keys(scenarios)
for (const name of wantedServers)
  if (!table[name]) throw new Error(`There is no server "${name}". There are: ${Object.keys(table).join(', ')}.`)
for (const name of wanted)
  if (!scenarios[name])
    throw new Error(`There is no scenario "${name}". There are: ${Object.keys(scenarios).join(', ')}.`)

const results = []
for (const key of wanted) {
  const scenario = scenarios[key]
  const figures = new Map()
  const names = wantedServers.filter((name) => scenario.only?.({ name, ...table[name] }) ?? true)
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of names) {
      try {
        const figure = await once(table[name], scenario)
        const kept = figures.get(name) ?? []
        figures.set(name, [...kept, figure])
        process.stderr.write(`${key} ${round + 1} ${name}: ${JSON.stringify(figure)}\n`)
      } catch (error) {
        process.stderr.write(`${key} ${round + 1} ${name}: ${error.message}\n`)
      }
    }
  }
  const rows = [...figures].map(([server, rounds]) => ({
    server,
    figures: Object.fromEntries(Object.keys(rounds[0]).map((one) => [one, median(rounds.map((round) => round[one]))])),
  }))
  if (rows.length > 0) results.push({ key, name: scenario.name, figure: scenario.figure, rows })
}

const folder = join(here, 'results')
mkdirSync(folder, { recursive: true })
const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0].model.trim()}, ${values.rounds} rounds`
const text = `# Results\n\n${machine}. Medians; the spread is the least and the most of the rounds.\n\n${results.map((one) => tableOf(one)).join('\n')}`
writeFileSync(join(folder, `${values.name}.md`), text)
writeFileSync(join(folder, `${values.name}.json`), `${JSON.stringify({ machine, results }, null, 2)}\n`)
for (const one of results) writeFileSync(join(folder, `${values.name}-${one.key}.svg`), chartOf(one))
process.stdout.write(text)

async function once(target, scenario) {
  const server = await target.start(0)
  const load = new Load(join(binaries, 'load'), 1)
  const poster = new Load(join(binaries, 'load'), 1)
  try {
    const [, port] = (await server.line()).split(' ')
    // Without topics of their own all streams read the same one.
    load.aim({ ...target, port, path: scenario.ownTopics ? target.path : target.path.replace('%d', '0') })
    poster.aim({ ...target, port, path: target.postPath ?? '/events' })
    return await scenario.run(server, load, { poster })
  } finally {
    await Promise.all([load.end(), poster.end(), server.end()])
  }
}
