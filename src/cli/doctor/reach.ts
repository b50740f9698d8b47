import { paths } from '../../protocol/names.js'
import { addressOf, type Target } from '../target.js'
import { type Answered, type Line, ask, negotiated } from './exchange.js'
import { type Finding, bad, note, ok, warning } from './finding.js'

/** Whether a hub answers there at all. `hub` false: nothing else can be looked at. */
export async function checkReach(line: Line, target: Target): Promise<{ findings: Finding[]; hub: boolean }> {
  let health: Answered
  try {
    health = await ask(line, addressOf(target, paths.health))
  } catch (error) {
    return { findings: [unreachable(target, error as NodeJS.ErrnoException)], hub: false }
  }
  const status = health.json?.status
  if (health.status === 200 && typeof status === 'string' && health.json?.store !== undefined) {
    const took = `A hub answers at ${target.url}, after ${Math.round(health.headersMs)} ms.`
    const reason = typeof health.json.reason === 'string' ? ` ${health.json.reason}` : ''
    const state =
      status === 'ok'
        ? ok('reach', took)
        : warning('degraded', `${took} It says of itself: ${status}.${reason}`, 'Look at its log and at its store.')
    return { findings: [state, ...(await checkVersion(line, target))], hub: true }
  }
  return { findings: [notHub(target, health)], hub: false }
}

function unreachable({ url }: Target, error: NodeJS.ErrnoException): Finding {
  const { hostname, port, protocol } = new URL(url)
  const code = error.code ?? ''
  if (code === 'ECONNREFUSED')
    return bad(
      'unreachable',
      `Nobody listens at ${url}.`,
      'Start the hub or the proxy, or mend the address and its port.',
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return bad('unreachable', `The name ${hostname} leads nowhere.`, 'Mend the name, or its DNS record.')
  if (/CERT|SIGNED|ISSUER|ALTNAME/.test(code) || /certificate/i.test(error.message))
    return bad(
      'certificate',
      `Its certificate is not accepted: ${error.message}.`,
      'Install one that browsers trust; to look further all the same, use --insecure.',
    )
  if (/EPROTO|SSL|wrong version/i.test(`${code} ${error.message}`))
    return bad(
      'unreachable',
      `It does not speak ${protocol.slice(0, -1)} on port ${port || 'by default'}.`,
      'Try the other of http and https.',
    )
  return bad('unreachable', `No answer from ${url}: ${error.message}.`, 'Look whether a firewall stands between.')
}

function notHub({ url }: Target, { status, json, headers }: Answered): Finding {
  const server = headers.server === undefined ? '' : ` (server: ${headers.server})`
  const prefix = new URL(url).pathname
  if (json?.code === 'not_found') {
    return bad(
      'path',
      `A hub answers, and it is not mounted below ${prefix}: the prefix reaches it with the request.`,
      `nginx: give proxy_pass an address that ends with a slash, and so does its location:`,
      `  location ${prefix.replace(/\/$/, '')}/ { proxy_pass http://tidings/; … }`,
      `or mount the hub below it: toNodeHandler(hub, { basePath: '${prefix}' })`,
    )
  }
  if (status === 502 || status === 503 || status === 504)
    return bad(
      'upstream',
      `The proxy in front answers ${status}${server}: it does not reach the hub.`,
      'Look at its error log, and whether the hub runs at the address that it is told.',
    )
  return bad(
    'path',
    `Something answers ${status} at ${url}/health${server}, and it is no hub.`,
    'Mend the path: --url is where the hub is mounted, without /events.',
  )
}

/** Over HTTP/1.1 a browser opens six connections to a site, and each stream is one. */
async function checkVersion({ insecure }: Line, { url }: Target): Promise<Finding[]> {
  const address = new URL(url)
  if (address.protocol === 'http:')
    return [
      note(
        'http-version',
        'Without TLS browsers speak HTTP/1.1: six connections to a site, of which each stream is one. Tabs that use our client share one.',
      ),
    ]
  const protocol = await negotiated(address, insecure)
  return [
    protocol === 'h2'
      ? ok('http-version', 'HTTP/2 is offered: streams share one connection.')
      : warning(
          'http-version',
          'Over TLS only HTTP/1.1 is offered: a browser opens six connections to a site, and each stream is one.',
          'nginx: listen 443 ssl http2; (from 1.25.1 on: http2 on;)',
        ),
  ]
}
