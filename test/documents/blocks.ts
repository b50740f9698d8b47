import { readFileSync } from 'node:fs'

export interface Block {
  readonly language: string
  /** What stands behind the language: ```` ```nginx one.conf ````. */
  readonly name: string
  readonly text: string
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  return [...readFileSync(page, 'utf8').matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', name = '', text = '']) => ({ language, name, text }),
  )
}

/** The text of the block with that name. */
export function blockOf(page: string, name: string): string {
  const found = blocksOf(page).filter((block) => block.name === name)
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks named ${name}`)
  return (found[0] as Block).text
}

/** `text` with each of `replacements`; throws where one is not in it, so that a page cannot drift away from its test. */
export function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`${JSON.stringify(from)} is not there any more`)
    text = text.replaceAll(from, to)
  }
  return text
}
