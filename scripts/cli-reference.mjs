// Draws docs/reference/settings.md and docs/reference/cli.md from the code. With --print <name> it only prints that page.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { exitCodes, wordsOf } from '../dist/cli/command.js'
import { settingsOfOptions } from '../dist/cli/hub-options.js'
import { hubSettings } from '../dist/cli/hub-settings.js'
import { limitSettings } from '../dist/cli/limit-settings.js'
import { listenerSettings } from '../dist/cli/listener.js'
import { makeProgram } from '../dist/cli/program.js'
import { configSetting, serveSettings } from '../dist/cli/serve-settings.js'
import { flagName, shown, variableName } from '../dist/cli/setting.js'
import { signInSettings } from '../dist/cli/sign-in.js'
import { storeSettings } from '../dist/cli/store.js'

const groups = [
  ['Where events live', storeSettings],
  ['Who may come in', signInSettings],
  ['What one caller may take', limitSettings],
  ['Connections that have asked for nothing yet', listenerSettings],
  ['The hub', hubSettings],
]
const rest = Object.entries(serveSettings).filter(([name]) => !groups.some(([, table]) => name in table))
const cell = (text) => text.replaceAll('|', '\\|')
const fallbackOf = (setting) =>
  setting.fallback === undefined || setting.fallback === false ? '–' : `\`${shown(setting, setting.fallback)}\``
const optionOf = (name) =>
  Object.entries(settingsOfOptions).find(([, filled]) => Array.isArray(filled) && filled.includes(name))?.[0]

const row = ([name, setting]) => {
  const option = optionOf(name)
  const cells = [
    `\`${name}\``,
    `\`${setting.flag}\``,
    fallbackOf(setting),
    setting.help,
    option ? `\`${option}\`` : '–',
  ]
  return `| ${cells.map(cell).join(' | ')} |`
}
const table = (title, entries) => [
  `## ${title}`,
  '',
  '| key | flag | default | what it does | option of `createHub` |',
  '| --- | --- | --- | --- | --- |',
  ...entries.map(row),
  '',
]

function settings() {
  const reasons = Object.entries(settingsOfOptions).filter(([, filled]) => !Array.isArray(filled))
  return [
    '# Settings of a hub',
    '',
    'Everything that `tidings serve` can be told, drawn from the code by `npm run docs`; a test keeps it current.',
    '',
    'Each setting is a flag, a variable (`--heartbeat-ms` is `TIDINGS_HEARTBEAT_MS`) and a key of `tidings.config.{ts,js,json}`. A flag',
    'wins over a variable, a variable over the file, the file over the default. `tidings serve --print-config` shows what is in',
    'force and from where. Times are in ms, sizes in bytes. Lists are texts with commas; in a file they may be arrays, and limits',
    'may be objects as `createHub` takes them. A setting that is unknown, malformed, or contradicts another one stops the start by',
    `name. Which file is read says \`${flagName(configSetting)}\` or \`${variableName(configSetting)}\`.`,
    '',
    ...table('The process', rest),
    ...groups.flatMap(([title, of]) => table(title, Object.entries(of))),
    '## Options of `createHub` that are no settings',
    '',
    '| option | why |',
    '| --- | --- |',
    ...reasons.map(([option, { not }]) => `| \`${option}\` | ${not} |`),
  ]
}

const optionRow = ({ flags, description }) => `| \`${cell(flags)}\` | ${cell(description)} |`

function commandPage(command, parents) {
  const name = [...parents, command.name()].join(' ')
  const words = wordsOf(command)
  if (!words) return command.commands.flatMap((one) => commandPage(one, [...parents, command.name()]))
  const isServe = words.settings === serveSettings
  const options = isServe
    ? command.options.filter(({ long }) => !Object.values(serveSettings).some((one) => flagName(one) === long))
    : command.options
  return [
    `## tidings ${name}`,
    '',
    `\`tidings ${[...parents, words.usage].join(' ')}\``,
    '',
    `${words.help[0].toUpperCase()}${words.help.slice(1)}.`,
    '',
    ...(isServe ? ['All its settings: [settings.md](settings.md).', ''] : []),
    '| flag | |',
    '| --- | --- |',
    ...options.map(optionRow),
    '',
    ...(words.exits ? [`Exit codes ${words.exits}.`, ''] : []),
    '```sh',
    ...words.examples.flatMap(([line, does]) => [`# ${does}`, line]),
    '```',
    '',
  ]
}

function commands() {
  const program = makeProgram()
  return [
    '# The commands of `tidings`',
    '',
    'Drawn from the code by `npm run docs`; a test keeps it current. How to use them: [the guide](../guides/cli.md).',
    '',
    '| exit code | means |',
    '| --- | --- |',
    ...Object.values(exitCodes).map(({ code, means }) => `| ${code} | ${means} |`),
    '',
    'Answers go to standard output, words for people to standard error. Colours and bars are for terminals alone; `NO_COLOR` turns colours',
    'off. A flag with a variable in brackets may be given as that.',
    '',
    ...program.commands.flatMap((command) => commandPage(command, [])),
  ]
}

const pages = { settings, cli: commands }
const textOf = (name) => `${pages[name]().join('\n').trimEnd()}\n`
const [, , mode, wanted] = process.argv
if (mode === '--print') process.stdout.write(textOf(wanted))
else {
  for (const name of Object.keys(pages))
    writeFileSync(fileURLToPath(new URL(`../docs/reference/${name}.md`, import.meta.url)), textOf(name))
}
