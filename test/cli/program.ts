import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'

const main = fileURLToPath(new URL('../../bin/tidings.js', import.meta.url))

/** The program as people start it, with nothing in its environment that this process happens to have. */
export class Program {
  readonly lines: string[] = []
  errors = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<number | NodeJS.Signals>
  #waiting: (() => void)[] = []

  constructor(args: readonly string[], environment: Record<string, string> = {}, program = main, cwd = process.cwd()) {
    this.#child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exit = once(this.#child, 'close').then(([code, signal]) => {
      this.#wake()
      return code ?? signal
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.lines.push(line)
      this.#wake()
    })
    this.#child.stderr!.on('data', (bytes) => {
      this.errors += bytes
      this.#wake()
    })
  }

  /** Waits until the program has said something; rejects when it ends without. */
  async until(isTrue: (program: this) => boolean): Promise<void> {
    while (!isTrue(this)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        await this.#exit
        if (isTrue(this)) return
        throw new Error(`the program ended: ${this.errors}`)
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async ended(): Promise<number | NodeJS.Signals> {
    return this.#exit
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | NodeJS.Signals> {
    this.#child.kill(signal)
    return this.#exit
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

export interface Run {
  readonly code: number | NodeJS.Signals
  readonly lines: readonly string[]
  readonly errors: string
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
  cwd?: string,
): Promise<Run> {
  const program = new Program(args, environment, main, cwd)
  const code = await program.ended()
  return { code, lines: program.lines, errors: program.errors }
}

export interface Serving {
  readonly program: Program
  readonly url: string
}

/** Starts `tidings serve` and waits for its address. */
export async function serve(
  args: readonly string[],
  environment: Record<string, string> = {},
  cwd?: string,
): Promise<Serving> {
  const program = new Program(['serve', ...args], environment, main, cwd)
  await program.until(({ lines }) => lines.length > 0)
  return { program, url: (program.lines[0] as string).replace('tidings ready ', '') }
}
