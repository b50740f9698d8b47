// Everything side by side, see README.md: `node bench/run.mjs [--quick] [--rounds 3] [--peer-rounds 1]
// [--only fan-1000,memory] [--servers tidings,'bare Node'] [--name latest] [--keep] [--document] [--profile <folder>]`.
// Compiles the load client and the limit server, installs the peers, then runs each scenario on each server in turn, round
// by round, the server pinned to one core and the client to the other. Writes bench/results/<name>.{md,json,svg}, and with
// `--document` docs/figures.md with its charts. With `--keep` the scenarios measured before under that name stay, so that a long
// run can be made in parts.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeDocument } from './runner/document.mjs'
import { chartOf, median, tableOf } from './runner/figures.mjs'
import { once } from './runner/once.mjs'
import { scenarios } from './runner/scenarios.mjs'
import { serverTable } from './runner/servers.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'peer-rounds': { type: 'string' },
    only: { type: 'string' },
    servers: { type: 'string' },
    name: { type: 'string', default: 'latest' },
    keep: { type: 'boolean', default: false },
    document: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
const peerRounds = Number(values['peer-rounds'] ?? (values.quick ? 0 : 1))
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
const named = values.servers?.split(',')
for (const name of named ?? [])
  if (!table[name]) throw new Error(`There is no server "${name}". There are: ${Object.keys(table).join(', ')}.`)
const wanted = values.only?.split(',') ?? Object.keys(scenarios)
for (const name of wanted)
  if (!scenarios[name])
    throw new Error(`There is no scenario "${name}". There are: ${Object.keys(scenarios).join(', ')}.`)

/** Servers named on the command line take part in every round of what they can do. */
const roundsOf = ({ withPeers }, { isPeer }) => (isPeer && !named ? (withPeers ? peerRounds : 0) : rounds)
const takesPart = (key, scenario, name) =>
  (named?.includes(name) ?? true) &&
  table[name].roles.includes(scenario.role ?? 'fan') &&
  !table[name].leavesOut?.includes(key) &&
  (scenario.only?.({ name, ...table[name] }) ?? true)

const began = performance.now()
const folder = join(here, 'results')
const earlier = values.keep
  ? JSON.parse(readFileSync(join(folder, `${values.name}.json`), 'utf8'))
  : { machine: { minutes: 0 }, results: [] }
const measured = []
for (const key of wanted) {
  const scenario = scenarios[key]
  const figures = new Map()
  const names = Object.keys(table).filter((name) => takesPart(key, scenario, name))
  for (let round = 0; round < Math.max(rounds, peerRounds); round++) {
    for (const name of names) {
      if (round >= roundsOf(scenario, table[name])) continue
      try {
        const figure = await once(join(binaries, 'load'), table[name], scenario)
        figures.set(name, [...(figures.get(name) ?? []), figure])
        process.stderr.write(`${key} ${round + 1} ${name}: ${JSON.stringify(figure)}\n`)
      } catch (error) {
        process.stderr.write(`${key} ${round + 1} ${name}: ${error.message}\n`)
      }
    }
  }
  const rows = [...figures].map(([server, each]) => ({
    server,
    figures: Object.fromEntries(Object.keys(each[0]).map((one) => [one, median(each.map((round) => round[one]))])),
    rounds: each,
  }))
  const { name, figure, control = 'bare Node', highIsGood = false } = scenario
  if (rows.length > 0) measured.push({ key, name, figure, control, highIsGood, rows })
  write() // What was measured is not lost with a run that is cut off; `--keep` goes on from it.
}
process.stdout.write(`${readFileSync(join(folder, `${values.name}.md`), 'utf8')}\n${JSON.stringify(machineNow())}\n`)

function machineNow() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cpu: `${cpus().length} × ${cpus()[0].model.trim()}`,
    minutes: Math.round((performance.now() - began) / 6_000 + earlier.machine.minutes * 10) / 10,
  }
}

function write() {
  const results = Object.keys(scenarios).flatMap(
    (key) => [...measured, ...earlier.results].find((one) => one.key === key) ?? [],
  )
  mkdirSync(folder, { recursive: true })
  const machine = machineNow()
  const text = results.map((one) => tableOf(one)).join('\n')
  writeFileSync(join(folder, `${values.name}.md`), text)
  writeFileSync(join(folder, `${values.name}.json`), `${JSON.stringify({ machine, results }, null, 2)}\n`)
  for (const one of results) writeFileSync(join(folder, `${values.name}-${one.key}.svg`), chartOf(one))
  if (values.document) writeDocument(join(here, '..', 'docs'), machine, results)
}
