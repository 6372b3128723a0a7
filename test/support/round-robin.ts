import { once } from 'node:events';
import { createServer, request as send } from 'node:http';

/** A balancer that sends one request here and the next one there, whoever asks. */
export interface RoundRobin {
  readonly url: string;
  /** Who has served what, in order: the port and the path. */
  readonly served: readonly { readonly port: number; readonly path: string }[];
  /** Sends nobody there any more. */
  leaveOut(gone: number): void;
  close(): Promise<void>;
}

/** Starts one that tells where each request goes once it is on its way. Where nobody is there, it answers 502. */
export async function startRoundRobin(
  ports: readonly number[],
  told: (port: number, path: string) => void = () => {},
): Promise<RoundRobin> {
  let targets = ports;
  const served: { port: number; path: string }[] = [];
  const server = createServer((request, response) => {
    const port = targets[served.length % targets.length] ?? 0;
    const { method, url = '/', headers } = request;
    const path = url.split('?')[0] ?? '';
    served.push({ port, path });
    const onward = send({ host: '127.0.0.1', port, method, path: url, headers, agent: false });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    request.pipe(onward).on('finish', () => told(port, path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    served,
    leaveOut: (gone) => {
      targets = targets.filter((target) => target !== gone);
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
