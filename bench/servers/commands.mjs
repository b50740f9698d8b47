import { createInterface } from 'node:readline'

/** About 200 bytes of data: what a progress event of a crawl weighs. */
export const padding = 'x'.repeat(120)

/** The mark that the load client looks for: its number within the topic, and when it was published. */
export const markOf = (number) => `@@${number}:${process.hrtime.bigint()}@@`

/** The event as it goes over the wire where no library writes it. */
export const eventText = (number) => `id: ${number}\nevent: tick\ndata: ${eventData(number)}\n\n`

export const eventData = (number) => `{"mark":"${markOf(number)}","padding":"${padding}"}`

/**
 * Tells the runner that this server listens, and takes its commands: `publish <total> <burst> <intervalMs> <topics>`
 * publishes events 0 … total − 1, event i to topic i % topics, `burst` of them in one turn, then waits.
 * `publish(topic, number)` may return a promise; a burst is awaited as a whole, so a server that pushes back is not outrun.
 */
export function takeCommands(port, publish, more = {}) {
  process.stdout.write(`ready ${port} ${process.pid}\n`)
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const [word, ...rest] = line.split(' ')
    if (word === 'publish') {
      const [total, burst, intervalMs, topics] = rest.map(Number)
      let last
      let due = performance.now()
      for (let from = 0; from < total; from += burst) {
        const results = []
        for (let number = from; number < Math.min(total, from + burst); number++) {
          results.push(publish(number % topics, Math.floor(number / topics)))
        }
        if (results.some((result) => result instanceof Promise)) last = (await Promise.all(results)).at(-1)
        due += intervalMs
        const waitMs = due - performance.now()
        await new Promise((resolve) => (waitMs > 0 ? setTimeout(resolve, waitMs) : setImmediate(resolve)))
      }
      process.stdout.write(`done ${last ?? ''}\n`)
    } else if (word === 'gc') {
      globalThis.gc?.()
      process.stdout.write('done\n')
    } else if (more[word]) process.stdout.write(`done ${(await more[word](...rest)) ?? ''}\n`)
  })
  process.stdin.on('end', () => process.exit(0))
}

/** The topic that a request names as `?topic=t:<number>`. */
export const topicOf = (url) => Number(/topic=t:(\d+)/.exec(url)?.[1] ?? 0)
