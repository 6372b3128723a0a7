import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent, buildConnector, setGlobalDispatcher } from 'undici';

/** A proxy that runs. */
export interface RunningProxy {
  readonly port: number;
}

/** A reverse proxy that the documentation has a snippet for, and how it is started. */
export interface ProxyProgram {
  readonly command: string;
  /** The whole configuration around the snippet. */
  configuration(snippet: string, folder: string): string;
  /** Starts it in the background: the call returns once it listens. */
  readonly start: (file: string, folder: string) => readonly string[];
  /** Where it writes its process id; else `stop` ends it. */
  readonly stop: (folder: string) => void;
}

const killByFile = (name: string) => (folder: string) => {
  process.kill(Number(readFileSync(join(folder, name), 'utf8')), 'SIGTERM');
};

export const programs = {
  nginx: {
    command: 'nginx',
    configuration: (snippet, folder) => `
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 128; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n  ')}
  ${snippet}
}`,
    start: (file, folder) => ['-p', folder, '-e', join(folder, 'error.log'), '-c', file],
    stop: killByFile('nginx.pid'),
  },
  caddy: {
    command: 'caddy',
    configuration: (snippet, folder) => `{
  admin unix/${folder}/admin.sock
  auto_https disable_redirects
  storage file_system ${folder}/storage
}
${snippet}`,
    start: (file, folder) => [
      'start',
      '--adapter',
      'caddyfile',
      '--config',
      file,
      '--pidfile',
      join(folder, 'caddy.pid'),
    ],
    stop: killByFile('caddy.pid'),
  },
  haproxy: {
    command: 'haproxy',
    configuration: (snippet) => snippet,
    start: (file, folder) => ['-D', '-q', '-p', join(folder, 'haproxy.pid'), '-f', file],
    stop: killByFile('haproxy.pid'),
  },
} satisfies Readonly<Record<string, ProxyProgram>>;

/** Whether the program is installed here. */
export function isInstalled({ command }: ProxyProgram): boolean {
  return spawnSync('which', [command]).status === 0;
}

/** The snippets of the documentation in this language, in their order. */
export function snippetsOf(language: string): readonly string[] {
  const text = readFileSync('docs/reverse-proxies.md', 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, snippet = '']) => snippet,
  );
}

/** Where a test's proxy is to stand. */
export interface ProxyPlace {
  readonly host: string;
  readonly gatewayPort: number;
}

/** Starts a proxy with a snippet of the documentation, of which only ports, names and paths are changed. */
export async function startProxyProgram(
  test: TestContext,
  program: ProxyProgram,
  snippet: string,
  { host, gatewayPort }: ProxyPlace,
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), `${program.command}-`));
  certificate(folder, host);
  // The port is found free and may be taken the next moment: another one, then.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const placed = snippet
      .replaceAll('127.0.0.1:8002', `127.0.0.1:${gatewayPort}`)
      .replaceAll('/etc/tls/mcp.example.com', `${folder}/tls`)
      .replaceAll('listen 443', `listen 127.0.0.1:${port}`)
      .replaceAll('bind :443', `bind 127.0.0.1:${port}`)
      .replace(/^mcp\.example\.com \{/m, `https://mcp.example.com:${port} {\n    bind 127.0.0.1`);
    const file = join(folder, 'configuration');
    writeFileSync(file, program.configuration(placed, folder));
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    // To a file: a pipe would stay open with the program in the background.
    const log = join(folder, 'start.log');
    const stdio = ['ignore', 'ignore', openSync(log, 'w')] as const;
    const started = spawnSync(program.command, program.start(file, folder), {
      env,
      stdio: [...stdio],
      timeout: 30_000,
    });
    closeSync(stdio[2]);
    if (started.status === 0) {
      test.after(() => {
        program.stop(folder);
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      });
      answerFor(test, host, port, readFileSync(`${folder}/tls.crt`, 'utf8'));
      return { port };
    }
    const reason = readFileSync(log, 'utf8');
    if (attempt === 5 || !/in use|cannot bind/i.test(reason)) {
      throw new Error(`${program.command} did not start: ${reason}`);
    }
  }
}

/** Makes the clients of this process reach a name at a port of this machine, and trust the certificate there. */
function answerFor(test: TestContext, host: string, port: number, ca: string): void {
  const usual = buildConnector({});
  const there = buildConnector({ ca });
  const agent = new Agent({
    connect: (options, callback) => {
      if (options.hostname !== host) return usual(options, callback);
      return there(
        { ...options, hostname: '127.0.0.1', port: String(port), servername: host },
        callback,
      );
    },
  });
  setGlobalDispatcher(agent);
  test.after(() => agent.destroy());
}

function certificate(folder: string, host: string): void {
  const files = ['-keyout', `${folder}/tls.key`, '-out', `${folder}/tls.crt`, '-days', '2'];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const made = spawnSync('openssl', ['req', ...kind, ...files, ...name], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  const pem = ['crt', 'key'].map((end) => readFileSync(`${folder}/tls.${end}`, 'utf8')).join('');
  writeFileSync(`${folder}/tls.pem`, pem);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
