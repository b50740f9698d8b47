import { Load } from './load.mjs'

/** One round of a scenario: a new server, load clients aimed at it, and everything ended again. */
export async function once(loadBinary, target, scenario) {
  const server = await target.start(scenario.cores ?? 0)
  const clients = Array.from({ length: 3 }, () => new Load(loadBinary, 1))
  const [load, poster, second] = clients
  try {
    const [, port] = (await server.line()).split(' ')
    // Without topics of their own all streams read the same one.
    const path = scenario.ownTopics ? target.path : target.path.replace('%d', '0')
    load.aim({ ...target, port, path })
    second.aim({ ...target, port, path })
    poster.aim({ ...target, port, path: target.postPath ?? '/events' })
    // Port 0: it answers no requests.
    return await scenario.run(server, load, { poster: port === '0' ? null : poster, second })
  } finally {
    await Promise.all([...clients.map((client) => client.end()), server.end()])
  }
}
