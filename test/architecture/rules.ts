import type { Import, SourceFile } from './source.js'

/**
 * Which part of `src/` may import which. A part is a folder or a file of the top level; a name with a slash allows that one
 * file. CONTRIBUTING.md shows this table to people.
 */
export const mayImport: Readonly<Record<string, readonly string[] | 'anything'>> = {
  errors: [],
  clock: [],
  random: [],
  ids: [],
  protocol: [],
  store: ['protocol'],
  hub: ['store/store.ts', 'protocol'],
  work: ['protocol'],
  jobs: ['hub', 'store/store.ts', 'work', 'protocol'],
  auth: ['protocol'],
  http: ['hub', 'jobs', 'auth', 'protocol'],
  webhooks: ['hub', 'jobs', 'auth', 'protocol'],
  // What it does besides, it does over the hub's routes (A7).
  dashboard: ['http/answer.ts', 'http/routes/dashboard.ts', 'auth/incoming.ts'],
  'dashboard/page': [],
  client: ['protocol'],
  worker: ['client', 'work', 'protocol'],
  react: ['client', 'protocol'],
  zustand: ['client', 'protocol'],
  testing: 'anything',
  cli: 'anything',
  declare: ['protocol'],
  index: 'anything',
  // Joins the ports.
  entry: 'anything',
}

/** Stands below everything. */
const ground = ['errors', 'clock', 'random', 'ids']

const never: Readonly<Record<string, readonly string[]>> = {
  testing: ['cli'],
  index: ['cli', 'client'],
  entry: ['cli', 'client'],
  // The ids of `ids.ts` weigh more than the client may (C9).
  client: ['ids'],
}

/** Single imports that the table forbids and the design wants, with the reason. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly typeOnly: boolean }[] = [
  // The adapter of node:http takes the public face of the hub.
  { from: 'http/node.ts', to: 'entry/hub.ts', typeOnly: true },
]

/** Runs in browsers: nothing of Node, no packages. */
const bare = ['errors', 'clock', 'random', 'protocol', 'client', 'declare']

/** A program of its own, on packages: of `tidings` it has what users have, by the package's name. */
const page = 'dashboard/page'

const partOf = (path: string): string =>
  path.startsWith(`${page}/`) ? page : (path.split('/')[0] as string).replace(/\.ts$/, '')

/** Every import that the table does not allow, as `from → to`. */
export function wrongImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter((each) => !isAllowed(file.path, each))
      .map((each) => `${file.path} → ${each.target ?? each.specifier}`),
  )
}

function isAllowed(path: string, { specifier, target, typeOnly }: Import): boolean {
  const from = partOf(path)
  const allowed = mayImport[from]
  if (allowed === undefined) return false
  if (target === null) return typeOnly || !bare.includes(from)
  const to = partOf(target)
  if (to === '..' || specifier.endsWith('.ts')) return false
  if (exceptions.some((each) => each.from === path && each.to === target && (typeOnly || !each.typeOnly))) return true
  if (never[from]?.includes(to)) return false
  return (
    to === from ||
    (from !== page && ground.includes(to)) ||
    allowed === 'anything' ||
    allowed.includes(to) ||
    allowed.includes(target)
  )
}

/**
 * Every cycle of imports, as the files on it. Imports of types alone are left out: the compiler erases them, so nothing
 * waits for anything when the program starts. The table above holds for them all the same.
 */
export function cycles(files: readonly SourceFile[]): string[][] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      file.imports.flatMap(({ target, typeOnly }) => (target && !typeOnly ? [target] : [])),
    ]),
  )
  const found: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path)
    if (at >= 0) return void found.push(way.slice(at))
    if (done.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return found
}

/** Tools for tests that stand beside real sockets may use real time. */
const mayUsePlatform = ['clock.ts', 'random.ts', 'testing/fault-proxy.ts', 'testing/sse-reader.ts']

/** Every use of the platform's clock, timers and randomness outside the files that wrap them, as `file: use`. */
export function platformUses(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !mayUsePlatform.includes(path) && partOf(path) !== page)
    .flatMap(({ path, platformUses: uses }) => uses.map((use) => `${path}: ${use}`))
}
