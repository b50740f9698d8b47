import type { Program } from './program.mjs'
export interface Target {
  readonly path: string
  readonly headers: readonly string[]
  readonly body: string
  start(core: number): Program
}
export function serverTable(options: { readonly limitBinary: string }): Readonly<Record<string, Target>>
