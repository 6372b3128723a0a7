import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dance } from '../test/support/dance.ts';
import { type Server, startServer } from './processes.ts';

/** A server that is compared: how it is started, and the token that opens it. */
export interface Target {
  readonly name: string;
  readonly server: Server;
  readonly token: string;
}

/** The credentials of the gateway's user. */
export const credentials = { username: 'bench', password: 'a password of the benchmark' };

/** The path of a script of the benchmark, compiled. */
export function script(name: string): URL {
  return new URL(`./${name}.js`, import.meta.url);
}

/** As long as a token pair of the gateway, for the targets that look it up in a Map. */
const presented = 'p'.repeat(176);
const upstreamToken = `upstream-access-1-${'x'.repeat(24)}`;

/** Which Node runs a target, and with which flags. */
export interface Runtime {
  readonly node?: string;
  readonly nodeFlags?: readonly string[];
}

/** A bare script among the targets. */
export async function startScript(
  name: string,
  upstream: string,
  { node = process.execPath, nodeFlags = [] }: Runtime = {},
): Promise<Target> {
  const path = script(`targets/${name}`).pathname;
  const parameters = [...nodeFlags, path, upstream, presented, upstreamToken];
  return { name, token: presented, server: await startServer(node, parameters) };
}

/** How a gateway is started, and what it is called in the results. */
export interface GatewayStart extends Runtime {
  readonly name?: string;
  readonly flags?: readonly string[];
  /** Another build, to be compared with. */
  readonly entry?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The gateway as it is shipped, over a memory store, with one grant in it. */
export async function startGateway(
  upstream: string,
  { name = 'gateway', ...start }: GatewayStart = {},
): Promise<Target> {
  const server = await gatewayProcess(upstream, start);
  const { accessToken } = await dance(`http://localhost:${server.port}`, credentials);
  return { name, server, token: accessToken };
}

/** The gateway's process alone, without a grant. */
export function gatewayProcess(
  upstream: string,
  {
    flags = [],
    entry = 'dist/main.js',
    node = process.execPath,
    nodeFlags = [],
    environment = {},
  }: GatewayStart = {},
): Promise<Server> {
  const { origin } = new URL(upstream);
  const parameters = [
    ...nodeFlags,
    entry,
    '--port=0',
    '--store=memory',
    `--upstream-rs=${upstream}`,
    '--upstream-client-id=bench',
    '--upstream-client-secret=secret',
    `--upstream-authorize-endpoint=${origin}/authorize`,
    `--upstream-token-endpoint=${origin}/token`,
    ...flags,
  ];
  const user = {
    MCP_GATEWAY_USERNAME: credentials.username,
    MCP_GATEWAY_PASSWORD: credentials.password,
  };
  return startServer(
    node,
    parameters,
    { ...environment, ...user },
    /http:\/\/localhost:(\d+)\/mcp/,
  );
}

/** nginx with one worker, unbuffered as streams need it; `undefined` where it is not installed. */
export async function startNginx(upstream: string): Promise<Target | undefined> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, nginxConfiguration(folder, port, new URL(upstream)));
  try {
    const server = await startServer('/bin/sh', [
      '-c',
      `/usr/sbin/nginx -t -q -c ${file} && echo listening ${port} && exec /usr/sbin/nginx -c ${file}`,
    ]);
    return { name: 'nginx', server, token: presented };
  } catch {
    return undefined;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

function nginxConfiguration(folder: string, port: number, { host, pathname }: URL): string {
  return `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  map_hash_bucket_size 512;
  map $http_authorization $swapped {
    default "";
    "Bearer ${presented}" "Bearer ${upstreamToken}";
  }
  upstream mcp {
    server ${host};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location /mcp {
      proxy_pass http://mcp${pathname};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization $swapped;
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`;
}
