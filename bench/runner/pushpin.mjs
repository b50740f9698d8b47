import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemon, freePort } from './daemon.mjs'
import { Program } from './program.mjs'

/**
 * Pushpin: condure, zurl, proxy and handler, which are children of the one that is started. The package runs zurl as a
 * service of its own; here pushpin starts it, with sockets in the folder. Its limit of 2,500 deliveries a second is off, and
 * so are its lines in the log for every connection and publish.
 */
export async function startPushpin(core, parent) {
  const [port, controlPort, originPort] = [await freePort(), await freePort(), await freePort()]
  const folder = mkdtempSync(join(parent, 'pushpin-'))
  const socket = (name) => `ipc://${folder}/${name}`
  writeFileSync(join(folder, 'routes'), `* 127.0.0.1:${originPort}\n`)
  const config = join(folder, 'pushpin.conf')
  writeFileSync(
    config,
    `[global]
include={libdir}/internal.conf
rundir=${folder}
ipc_prefix=
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${port}
logdir=${folder}
log_level=1
client_maxconn=19000
[proxy]
routesfile=routes
updates_check=off
zurl_out_specs=${socket('zurl-in')}
zurl_out_stream_specs=${socket('zurl-in-stream')}
zurl_in_specs=${socket('zurl-out')}
[handler]
push_in_spec=${socket('push')}
push_in_sub_specs=${socket('push-sub')}
push_in_http_addr=127.0.0.1
push_in_http_port=${controlPort}
command_spec=${socket('command')}
stats_spec=${socket('stats')}
message_rate=0
message_hwm=0
`,
  )
  const pushpin = new Program(core, '/usr/bin/pushpin', [`--config=${config}`])
  return daemon(pushpin, 'pushpin-origin', [port, controlPort, originPort, pushpin.pid])
}
