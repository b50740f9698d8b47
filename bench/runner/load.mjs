import { Program } from './program.mjs'

/** The C load client, one process on the core that the server does not have. */
export class Load {
  #program

  constructor(binary, core) {
    this.#program = new Program(core, binary, [])
  }

  async #json(command) {
    return JSON.parse(await this.#program.ask(command))
  }

  #path = ''
  #inFlight = 0

  aim({ port, path, headers = [], mode = 'streams', body = '', inFlight = 100 }) {
    this.#path = path
    this.#inFlight = inFlight
    this.#program.say(`port ${port}`)
    this.#program.say(`path ${path}`)
    this.#program.say('noheaders')
    for (const header of headers) this.#program.say(`header ${header}`)
    this.#program.say(`mode ${mode}`)
    this.#program.say('resume')
    if (body) this.#program.say(`body ${body}`)
  }

  /** What is opened from now on are long polls, each sent again when it was answered. */
  asPolls(query) {
    this.#program.say(`path ${this.#path}${query}`)
    this.#program.say('mode polls')
  }

  /** Opens streams, `inFlight` at a time; all of them have had their first bytes when it resolves. */
  async open(count, { inFlight = this.#inFlight, perSecond = 0, timeoutMs = 60_000 } = {}) {
    const report = await this.#json(`open ${count} ${inFlight} ${perSecond} ${timeoutMs}`)
    if (report.open !== count)
      throw new Error(`only ${report.open} of ${count} streams opened: ${JSON.stringify(report)}`)
    return report
  }

  /** Counts what comes while `publish` runs, until every stream has `each` events. */
  async expect(each, timeoutMs, publish) {
    await this.#program.ask(`expect ${each} ${timeoutMs}`)
    const report = this.#program.line()
    const published = await publish()
    return { published, ...JSON.parse(await report) }
  }

  idle = (ms) => this.#json(`idle ${ms}`)
  close = () => this.#json('close')

  /** Cuts all streams at once; they come back spread over `spreadMs` and are done with `each` events. */
  async storm(each, spreadMs, lastEventId, timeoutMs) {
    this.#program.say(`resume ${lastEventId}`)
    return await this.#json(`storm ${each} ${spreadMs} ${timeoutMs}`)
  }

  /** `total` posts in a closed loop over `connections` kept connections. */
  post = (connections, total, timeoutMs = 60_000) => this.#json(`post ${connections} ${total} ${timeoutMs}`)

  end = () => this.#program.end()
}
