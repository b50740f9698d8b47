import type { Command } from 'commander'
import { SignJWT } from 'jose'
import { hmacKey } from '../auth/hmac-key.js'
import { type Claims, checkPrincipal } from '../auth/principal.js'
import { systemClock } from '../clock.js'
import { uuidv7Ids } from '../ids.js'
import { defaults } from '../protocol/defaults.js'
import { systemRandom } from '../random.js'
import { addCommand } from './command.js'
import { refusal } from './refusal.js'
import { note } from './say.js'
import { type Setting, list, listed, onOff, text } from './setting.js'
import { signInSettings } from './sign-in.js'
import { type Flags, readSettings } from './sources.js'

const { jwtSecret, jwtIssuer, jwtAudience } = signInSettings

/** With what the hub checks it: its own flags and variables. */
const signing = { jwtSecret, jwtIssuer, jwtAudience } as const

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const duration = (flag: string, help: string, fallback: string): Setting<string> => ({
  ...text(flag, help, { fallback }),
  read(value) {
    if (!/^[1-9]\d{0,5}[smhd]$/.test(value)) throw new Error('a time such as 90s, 15m, 1h or 7d')
    return value
  },
})

const lifeMs = (value: string): number => Number(value.slice(0, -1)) * (units[value.at(-1) as string] as number)

const options = {
  user: text('--user <id>', 'who it is (sub)'),
  session: text('--session <id>', 'the session (sid)'),
  namespace: text('--namespace <name>', 'where', { fallback: defaults.namespace }),
  roles: list('--roles <names>', 'roles'),
  subscribe: list('--subscribe <patterns>', 'topics it may read besides its own, such as report:*'),
  publish: list('--publish <patterns>', 'topics it may publish to, and jobs it may command'),
  admin: onOff('--admin', 'the admin grant'),
  expiresIn: duration('--expires-in <time>', 'how long it lives', '1h'),
  json: onOff('--json', 'JSON: { token, expiresAt, claims, warnings }'),
} as const

const dayMs = 86_400_000

/** `tidings token`: a Bearer token for tests and operation (spec O5). */
export function addTokenCommand(program: Command): void {
  addCommand(program, {
    usage: 'token',
    help: 'make a Bearer token for tests and operation, signed with the secret of a hub; prints it alone on a line',
    settings: signing,
    options,
    examples: [
      ['TIDINGS_JWT_SECRET=… tidings token --user 7 --expires-in 15m', 'somebody who reads what is theirs'],
      [`tidings token --user deploy --publish 'report:*'`, 'a publisher'],
      [
        'TIDINGS_TOKEN=$(tidings token --user ops --admin --expires-in 5m) tidings explain --event … --user 7',
        'an operator',
      ],
    ],
  }).action(async (flags: Flags) => {
    const secret = readSettings(signing, flags, process.env)
    const asked = readSettings(options, flags, {})
    const { token, expiresAt, claims } = await mint(secret, asked)
    const warnings = warningsFor(asked, 'jwtSecret' in flags)
    if (asked.json) {
      process.stdout.write(`${JSON.stringify({ token, expiresAt, claims, warnings })}\n`)
      return
    }
    for (const warning of warnings) note(warning)
    process.stdout.write(`${token}\n`)
  })
}

type Asked = ReturnType<typeof readSettings<typeof options>>

async function mint(secret: ReturnType<typeof readSettings<typeof signing>>, asked: Asked) {
  if (secret.jwtSecret === undefined)
    throw refusal('--jwt-secret', 'Give the secret of the hub in TIDINGS_JWT_SECRET, or with --jwt-secret.')
  const { user, session, namespace, admin = false, expiresIn = options.expiresIn.fallback as string } = asked
  const [roles, subscribe, publish] = [listed(asked.roles), listed(asked.subscribe), listed(asked.publish)]
  const rights: Claims = { userId: user, sessionId: session, namespace, roles, subscribe, publish, admin }
  // What a hub would refuse is refused here, by name.
  checkPrincipal(rights, 'jwt')
  if (lifeMs(expiresIn) > defaults.longestTokenMs) {
    const days = defaults.longestTokenMs / dayMs
    throw refusal(
      '--expires-in',
      `--expires-in ${expiresIn}: hubs refuse tokens that live longer than ${days} days (--longest-token-ms).`,
    )
  }
  const issuedAt = Math.floor(systemClock.now() / 1_000)
  const expiresAt = issuedAt + lifeMs(expiresIn) / 1_000
  const claims = { namespace: namespace ?? defaults.namespace, roles, subscribe, publish, admin }
  const jwt = new SignJWT({ tidings: claims, ...(session !== undefined && { sid: session }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setJti(uuidv7Ids(systemClock, systemRandom)())
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
  if (user !== undefined) jwt.setSubject(user)
  if (secret.jwtIssuer !== undefined) jwt.setIssuer(secret.jwtIssuer)
  if (secret.jwtAudience !== undefined) jwt.setAudience(secret.jwtAudience)
  const token = await jwt.sign(hmacKey(secret.jwtSecret, 'jwtSecret'))
  return { token, expiresAt: expiresAt * 1_000, claims: { ...claims, user, session } }
}

/** What its holder can do, and how it can leak. */
function warningsFor({ admin, publish, subscribe, expiresIn = '1h', user }: Asked, secretIsFlag: boolean): string[] {
  const warnings: string[] = []
  if (secretIsFlag)
    warnings.push('--jwt-secret stands in the list of processes and the history of the shell: use TIDINGS_JWT_SECRET.')
  if (admin)
    warnings.push('This token administers the namespace: whoever holds it sees every connection and may end and erase.')
  if (listed(publish)?.includes('*')) warnings.push('It may publish to every topic, in the name of anybody.')
  if (listed(subscribe)?.includes('*')) warnings.push("It may read every topic, other people's too.")
  if (lifeMs(expiresIn) > dayMs)
    warnings.push(`It lives ${expiresIn}: until then only POST /revocations takes it back.`)
  if (user === undefined)
    warnings.push('It names no user: it reads "all" and what it was granted, and is not revoked with a person.')
  return warnings
}
