import { paths } from '../../protocol/names.js'
import { addressOf, type Target } from '../target.js'
import { type Answered, type Line, ask } from './exchange.js'
import { type Finding, bad, ok, skipped } from './finding.js'

const wanted = ['authorization', 'content-type', 'last-event-id']

/** Whether a page of `origin` may call the hub from a browser (H5). */
export async function checkCors(line: Line, target: Target, origin: string | undefined): Promise<Finding[]> {
  if (origin === undefined)
    return [
      skipped(
        'cors',
        'Not looked at: say with --origin from which page browsers come. Pages of the same host need nothing.',
      ),
    ]
  const address = addressOf({ ...target, query: [] }, paths.events)
  const preflight = await ask({ ...line, headers: {} }, address, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': wanted.join(','),
    },
  })
  const answer = await ask(line, addressOf(target, '/diagnosis'), { headers: { Origin: origin } })
  return [
    judge(origin, preflight, 'the preflight (OPTIONS)') ??
      headersOf(preflight) ??
      judge(origin, answer, 'an answer') ??
      ok('cors', `Pages of ${origin} may call it.`),
  ]
}

function judge(origin: string, { headers, status }: Answered, what: string): Finding | null {
  const allowed = headers['access-control-allow-origin']
  if (status >= 400)
    return bad(
      'cors',
      `A page of ${origin} is refused: ${what} is answered ${status}.`,
      'Let OPTIONS pass to the hub.',
      ...list(origin),
    )
  if (allowed === undefined)
    return bad(
      'cors',
      `A page of ${origin} may not call it: ${what} has no Access-Control-Allow-Origin.`,
      ...list(origin),
    )
  if (allowed.includes(','))
    return bad(
      'cors',
      `Access-Control-Allow-Origin is there twice ("${allowed}"): a browser refuses both.`,
      'Take "add_header Access-Control-Allow-Origin" out of the proxy: the hub answers for itself.',
    )
  if (allowed === '*')
    return bad(
      'cors',
      'Access-Control-Allow-Origin is "*": browsers send no cookies then, and refuse the answer where they did.',
      ...list(origin),
      'and take "add_header Access-Control-Allow-Origin" out of the proxy',
    )
  if (allowed !== origin)
    return bad('cors', `Access-Control-Allow-Origin is "${allowed}", which is not ${origin}.`, ...list(origin))
  return null
}

function headersOf({ headers }: Answered): Finding | null {
  const told = (headers['access-control-allow-headers'] ?? '').toLowerCase()
  const missing = wanted.filter((name) => !told.includes(name))
  if (missing.length === 0) return null
  return bad(
    'cors',
    `The preflight does not allow the header ${missing.join(', ')}.`,
    'Let the hub answer OPTIONS, in place of the proxy.',
  )
}

const list = (origin: string): string[] => [`Start the hub with --allowed-origins ${origin}`]
