import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * Compiles programs inside the package, where `tidings` means the package itself: files by their names, `.ts` where a name
 * does not end in one of its own. Returns what the compiler complains of, one line each.
 */
export function complaintsOf(sources: Readonly<Record<string, string>>): string[] {
  const folder = resolve('.cache', `compile-${process.pid}-${Math.random().toString(36).slice(2)}`)
  mkdirSync(folder, { recursive: true })
  try {
    for (const [name, source] of Object.entries(sources))
      writeFileSync(join(folder, /\.tsx?$/.test(name) ? name : `${name}.ts`), source)
    const compilerOptions = { noEmit: true, rootDir: '../..', noUnusedLocals: false }
    const project = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts', '*.tsx'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    const compiler = 'node_modules/typescript/bin/tsc'
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    return stdout.split('\n').filter((line) => line.includes('error'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
