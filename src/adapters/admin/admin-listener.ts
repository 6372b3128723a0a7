import { chmodSync, statSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AdministerGrants } from '../../application/administer-grants.ts';

/** A socket of this machine, for the user that the gateway runs as. */
export interface AdminListener {
  close(): Promise<void>;
}

/**
 * Listens for the operator on a socket in the file system, which nobody but the gateway's own user may open. A socket that a gateway left
 * behind is replaced; rejects with the system's error, also where another gateway still listens there.
 */
export async function listenForAdmin(
  grants: AdministerGrants,
  path: string,
): Promise<AdminListener> {
  if (await isLeftBehind(path)) unlinkSync(path);
  const server = createServer((request, response) => {
    answer(grants, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else send(response, 500, { error: 'The store cannot be used just now: try again.' });
    });
  });
  await listenPrivately(server, path);
  // Of several workers the first process makes the socket, with a mask of its own.
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  grants: AdministerGrants,
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://admin');
  const value = (name: string) => searchParams.get(name) ?? undefined;
  const filter = { user: value('user'), client: value('client'), grant: value('grant') };
  if (method === 'GET' && pathname === '/grants') {
    const found: unknown[] = [];
    for await (const each of grants.list(filter)) found.push(each);
    send(response, 200, { grants: found });
  } else if (method === 'DELETE' && pathname === '/grants') {
    send(response, 200, { revoked: await grants.revoke(filter) });
  } else {
    send(response, 404, { error: 'There is GET /grants and DELETE /grants.' });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** Nobody else may connect, from the first moment on: the socket is made with the mask that is set at that moment. */
function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(before);
    }
  });
}

/** Whether a socket is there behind which nobody listens. */
function isLeftBehind(path: string): Promise<boolean> {
  // Connecting to any other file is refused as well, and it is not ours to remove.
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
