import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

const ticksPerSecond = 100

/** CPU seconds of a server, all its threads and processes, from /proc. Ten-millisecond steps: measure for seconds. */
export function cpuSeconds(pid) {
  let ticks = 0
  for (const one of processesOf(pid)) {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1].split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

/** Resident bytes of a server, all its processes. Pages that they share count in each. */
export function residentBytes(pid) {
  let pages = 0
  for (const one of processesOf(pid)) pages += Number(readFileSync(`/proc/${one}/statm`, 'utf8').split(' ')[1])
  return pages * 4096
}

/** The processes of a server: the one that was started, its children, and theirs. */
function processesOf(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(processesOf)]
}

/** A program that takes commands as lines and answers each with one line; pinned to one core. */
export class Program {
  #child
  #lines = []
  #waiting = []
  #ended = null

  constructor(core, command, args, options = {}) {
    this.#child = spawn('taskset', ['-c', String(core), command, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...options,
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift()
      if (waiting) waiting.resolve(line)
      else this.#lines.push(line)
    })
    this.#child.on('exit', (code) => {
      this.#ended = new Error(`${command} ${args.join(' ')} ended with ${code}`)
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
    })
  }

  get pid() {
    return this.#child.pid
  }

  line() {
    const line = this.#lines.shift()
    if (line !== undefined) return Promise.resolve(line)
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  say(command) {
    this.#child.stdin.write(`${command}\n`)
  }

  async ask(command) {
    this.say(command)
    return await this.line()
  }

  /** Closes its input, or sends it the signal that ends it. Whatever of it is there after five seconds is killed. */
  async end(signal) {
    if (this.#ended) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    if (signal) this.#child.kill(signal)
    else this.#child.stdin.end()
    const timer = setTimeout(() => {
      // Children last: a server that still runs starts them again.
      for (const pid of processesOf(this.pid)) process.kill(pid, 'SIGKILL')
    }, 5_000)
    await gone
    clearTimeout(timer)
  }
}
