import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

/** Where figures can be had. */
export interface MetricsListener {
  readonly metricsUrl: string;
  close(): Promise<void>;
}

/** Answers GET /metrics on an address of its own, off the public port. Rejects with the system's error. */
export function listenForMetrics(
  metrics: Pick<Metrics, 'text' | 'contentType'>,
  address: { readonly host: string; readonly port: number },
): Promise<MetricsListener> {
  const server = createServer(({ method, url }, response) => {
    const isRead = method === 'GET' || method === 'HEAD';
    if (url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('The figures are at /metrics.\n');
    } else if (!isRead) {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    } else {
      metrics.text().then(
        (text) => response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve({
        metricsUrl: urlOf(server.address() as AddressInfo),
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function urlOf({ address, port }: AddressInfo): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/metrics`;
}
