import { count } from './format.js'

/** One line of a tree of JSON. */
export interface TreeLine {
  /** The names on the way here, as JSON. */
  readonly path: string
  readonly depth: number
  /** Null at the root. */
  readonly name: string | null
  readonly kind: 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array' | 'more'
  /** A value as JSON; of an object or array how much is in it; of `more` how many are left out. */
  readonly text: string
  /** Whether it is open; null: there is nothing to open. */
  readonly open: boolean | null
}

/** An object or array shows so many at first, and so many again each time more are asked for. */
const shownAtFirst = 100
/** A value is cut here; the raw envelope has it whole. */
const longestText = 1_000
/** So deep, and where there is no more than this in it, a tree is open without being asked. */
const openDepth = 2
const openSize = 20

export interface TreeState {
  /** Paths that are not as they were at first. */
  readonly turned: ReadonlySet<string>
  /** How many of the contents of a path are shown, where that is more than at first. */
  readonly shown: ReadonlyMap<string, number>
}

export const treeAtFirst: TreeState = { turned: new Set(), shown: new Map() }

/** The lines of `value` that are to be seen, from the top. Whatever it holds becomes text. */
export function linesOf(value: unknown, state: TreeState): readonly TreeLine[] {
  const lines: TreeLine[] = []
  const visit = (item: unknown, name: string | null, path: readonly string[]): void => {
    const key = JSON.stringify(path)
    const line = { path: key, depth: path.length, name }
    const inside = contentsOf(item)
    if (!inside) {
      lines.push({ ...line, kind: kindOf(item), text: cut(JSON.stringify(item)), open: null })
      return
    }
    const { length } = inside
    const open = length > 0 && (path.length < openDepth && length <= openSize) !== state.turned.has(key)
    const kind = Array.isArray(item) ? 'array' : 'object'
    lines.push({ ...line, kind, text: `${length} ${wordFor(kind, length)}`, open: length > 0 ? open : null })
    if (!open) return
    const most = state.shown.get(key) ?? shownAtFirst
    for (const [each, content] of inside.slice(0, most)) visit(content, each, [...path, each])
    if (length > most) {
      lines.push({
        path: key,
        depth: path.length + 1,
        name: null,
        kind: 'more',
        text: String(length - most),
        open: null,
      })
    }
  }
  visit(value, null, [])
  return lines
}

/** The state after a line was clicked. */
export function turn(state: TreeState, { path, kind }: TreeLine): TreeState {
  if (kind === 'more') {
    const shown = new Map(state.shown).set(path, (state.shown.get(path) ?? shownAtFirst) + shownAtFirst)
    return { ...state, shown }
  }
  const turned = new Set(state.turned)
  if (!turned.delete(path)) turned.add(path)
  return { ...state, turned }
}

function contentsOf(item: unknown): readonly (readonly [string, unknown])[] | null {
  return typeof item === 'object' && item !== null ? Object.entries(item) : null
}

const wordFor = (kind: 'array' | 'object', length: number): string =>
  `${kind === 'array' ? 'item' : 'member'}${length === 1 ? '' : 's'}`

const kindOf = (item: unknown): TreeLine['kind'] =>
  item === null ? 'null' : (typeof item as 'string' | 'number' | 'boolean')

const cut = (text: string): string =>
  text.length > longestText
    ? `${text.slice(0, longestText)}… and ${count(text.length - longestText)} more characters`
    : text
