import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemon, freePort } from './daemon.mjs'
import { Program } from './program.mjs'

/** nginx with nchan. */
export async function startNchan(core, folder) {
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log warn;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port} backlog=65535; keepalive_requests 10000000;
    location ~ ^/events/(.+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/publish/(.+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 100; }
  }
}
`,
  )
  const nginx = new Program(core, '/usr/sbin/nginx', ['-c', config, '-p', folder])
  return daemon(nginx, 'nchan-publisher', [port, nginx.pid])
}
