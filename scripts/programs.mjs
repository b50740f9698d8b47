import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** What tests run against beside Node: Debian package, and a path that shows it is there. */
const programs = [
  { name: 'redis-server', path: '/usr/bin/redis-server' },
  { name: 'chromium', path: '/usr/bin/chromium' },
  { name: 'xvfb', path: '/usr/bin/Xvfb' },
  { name: 'openssl', path: '/usr/bin/openssl' },
  { name: 'curl', path: '/usr/bin/curl' },
  { name: 'nginx-light', path: '/usr/sbin/nginx' },
  { name: 'postgresql-doc-15', path: '/usr/share/doc/postgresql-doc-15/html' },
  { name: 'prometheus', path: '/usr/bin/promtool' },
  { name: 'faketime', path: '/usr/bin/faketime' },
  { name: 'slowhttptest', path: '/usr/bin/slowhttptest' },
  { name: 'fonts-dejavu-core', path: '/usr/share/fonts/truetype/dejavu' },
]

const missing = () => programs.filter(({ path }) => !existsSync(path)).map(({ name }) => name)

/** Installs what is missing where that is allowed, which is as root only. Returns the names of what is still missing. */
export function installPrograms() {
  const names = missing()
  if (names.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return names
  console.log(`Installing ${names.join(', ')}`)
  const apt = (...args) =>
    spawnSync('apt-get', args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  apt('update')
  // Small images leave documentation out of packages; here it is what gets crawled.
  const withPages = ['-o', 'Dpkg::Options::=--path-include=/usr/share/doc/postgresql-doc-15/*', '--reinstall']
  apt('install', '-y', '--no-install-recommends', ...withPages, ...names)
  return missing()
}
