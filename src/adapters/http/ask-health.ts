import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { failure, type Result, success } from '../../domain/result.ts';

/** Where a gateway of this machine listens. */
export interface HealthAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Milliseconds; whoever lives answers sooner. */
const patience = 5000;

/** Asks a gateway of this machine whether it lives; the failure is a sentence. */
export function askHealth({ host, port, tls }: HealthAddress): Promise<Result<string, string>> {
  const url = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}/healthz`;
  // Its certificate is for another name than this one, and nothing is told to it.
  const request = tls
    ? tlsRequest(url, { rejectUnauthorized: false, agent: false })
    : plainRequest(url, { agent: false });
  return new Promise((resolve) => {
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), patience);
    request.on('response', (response) => {
      clearTimeout(timer);
      response.resume();
      const { statusCode } = response;
      resolve(
        statusCode === 200
          ? success(`${url} is alive.`)
          : failure(`${url} answered with status ${statusCode}.`),
      );
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      resolve(failure(`${url} does not answer (${error.message}).`));
    });
    request.end();
  });
}
