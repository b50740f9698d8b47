import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { parseSync } from 'oxc-parser'

export interface Import {
  /** As written: `../errors.js`, `node:fs`, `jose`. */
  readonly specifier: string
  /** The file below the root, for a relative one: `errors.ts`. */
  readonly target: string | null
  /** Erased by the compiler. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** Below the root, with slashes: `hub/hub.ts`. Of a `.tsx` too, because imports say `.js` for both. */
  readonly path: string
  readonly imports: readonly Import[]
  /** Uses of the platform's time and randomness, as written. */
  readonly platformUses: readonly string[]
}

export function readSources(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .toSorted()
    .map((path) => parseSource(relative('.', path), readFileSync(join(root, path), 'utf8')))
}

type Node = { readonly type: string } & Record<string, any>

export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const imports: Import[] = []
  const platformUses = new Set<string>()
  const add = (specifier: string, typeOnly: boolean): void => {
    const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts') : null
    imports.push({ specifier, target, typeOnly })
  }
  walk(program as unknown as Node, (node) => {
    const specifier = specifierOf(node)
    if (specifier !== null) add(specifier, isTypeOnly(node))
    const use = platformUse(node)
    if (use !== null) platformUses.add(use)
  })
  return { path: path.replace(/x$/, ''), imports, platformUses: [...platformUses] }
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) walk(each, visit)
  else if (typeof value === 'object' && value !== null) {
    if ('type' in value && typeof value.type === 'string') visit(value as Node)
    for (const each of Object.values(value)) walk(each, visit)
  }
}

function specifierOf(node: Node): string | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return node.source?.value ?? null
    case 'NewExpression': {
      // A thread or a child process: `new URL('./thread.js', import.meta.url)`.
      const address =
        node.callee.name === 'URL' && node.arguments[1]?.type === 'MemberExpression' ? node.arguments[0]?.value : null
      return typeof address === 'string' && address.endsWith('.js') ? address : null
    }
    default:
      return null
  }
}

// `import { type A }` is not erased under `verbatimModuleSyntax`: `import {}` stays and runs the file.
const isTypeOnly = (node: Node): boolean =>
  node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type'

const globals = new Set(['setTimeout', 'setInterval', 'randomUUID', 'randomBytes', 'getRandomValues', 'hrtime'])
const members = new Set(['Date.now', 'Math.random', 'performance.now'])

function platformUse(node: Node): string | null {
  if (node.type === 'Identifier' && globals.has(node.name)) return node.name
  if (node.type === 'MemberExpression') {
    const name = `${node.object.name}.${node.property.name}`
    if (members.has(name)) return name
  }
  if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0) return 'new Date()'
  return null
}
