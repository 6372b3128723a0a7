import { request } from 'node:http';
import { failure, type Result, success } from '../../domain/result.ts';

/** Asks the gateway behind a socket; the failure is a sentence. */
export function askAdmin(
  socketPath: string,
  method: 'GET' | 'DELETE',
  path: string,
): Promise<Result<unknown, string>> {
  return new Promise((resolve) => {
    const sent = request({ socketPath, method, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(success(JSON.parse(text)));
        else resolve(failure(`The gateway answered with status ${answer.statusCode}: ${text}`));
      });
      answer.on('error', (error) => resolve(failure(broken(socketPath, error))));
    });
    sent.on('error', (error) => resolve(failure(broken(socketPath, error))));
    sent.end();
  });
}

function broken(socketPath: string, { message }: Error): string {
  return `No gateway answers at ${socketPath} (${message}); it has to run with the same --admin-socket, and be asked by its own user.`;
}
