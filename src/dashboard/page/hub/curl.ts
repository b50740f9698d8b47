/** A request as somebody would type it. */
export interface CurlRequest {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Shows a stream as it comes. */
  readonly stream?: boolean
}

/** Stands for a credential: a command that is copied ends up in chats and tickets. */
export const tokenVariable = '$TIDINGS_TOKEN'

/** The command for a POSIX shell. Whatever is in the values, the shell takes it as text. */
export function curlOf({ url, method = 'GET', headers = {}, body, stream = false }: CurlRequest): string {
  const parts = [`curl ${stream ? '-N ' : ''}${method === 'GET' ? '' : `-X ${method} `}${quoted(url)}`]
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quotedHeader(`${name}: ${value}`)}`)
  if (body !== undefined) {
    parts.push(`-H 'Content-Type: application/json'`)
    parts.push(`--data-raw ${quoted(JSON.stringify(body))}`)
  }
  return parts.join(' \\\n  ')
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The variable is the one thing that the shell is to fill in. */
function quotedHeader(text: string): string {
  const at = text.indexOf(tokenVariable)
  return at < 0 ? quoted(text) : `${quoted(text.slice(0, at))}"${tokenVariable}"`
}
