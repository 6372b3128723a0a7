import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { ConfigurationError } from '../../src/adapters/configuration/gateway-configuration.ts';
import {
  type ProcessLike,
  type Program,
  runCommandLine,
} from '../../src/adapters/configuration/run.ts';
import type { RunnableGateway } from '../../src/adapters/configuration/serve.ts';

/** A process that can be signalled and whose output can be read. */
function fakeProcess(
  argv: readonly string[],
  env: Record<string, string> = {},
  input: readonly string[] = [],
) {
  const signals = new EventEmitter();
  const written = { out: '', err: '' };
  const printed = new EventEmitter();
  const process: ProcessLike = {
    argv: ['node', 'mcp-oauth-gateway', ...argv],
    env,
    stdin: Object.assign(Readable.from(input), { isTTY: false }),
    stdout: {
      write: (text) => {
        written.out += text;
        printed.emit('out');
      },
    },
    stderr: {
      write: (text) => {
        written.err += text;
      },
    },
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
  };
  return { process, written, signals, printed };
}

const upstream = '--upstream-rs=https://mcp.example.com/mcp';
const listening: RunnableGateway = {
  listen: async () => ({ addresses: ['127.0.0.1'], port: 4711 }),
  lookAtUpstream: async () => {},
  close: async () => {},
};
function program(createGateway: () => RunnableGateway): Program {
  const hashPassword = async (password: string) => `hash of ${password.length} characters`;
  return { version: '1.2.3', createGateway, hashPassword };
}
const never = new Promise<never>(() => {});

/** The error of the system for what cannot be listened on, unless it is another call that fails. */
function systemError(code: string, syscall = 'listen'): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

test('the real process fits', () => {
  const real: ProcessLike = process;

  assert.ok(real);
});

describe('a run', () => {
  test('prints help to stdout and ends with 0', async () => {
    const { process, written } = fakeProcess(['--help']);

    assert.equal(
      await runCommandLine(
        process,
        program(() => listening),
      ),
      0,
    );
    assert.match(written.out, /^Usage: mcp-oauth-gateway.*\n$/s);
    assert.equal(written.err, '');
  });

  test('refuses a bad configuration on stderr and ends with 1', async () => {
    const { process, written } = fakeProcess([upstream, '--port=x']);

    assert.equal(
      await runCommandLine(
        process,
        program(() => listening),
      ),
      1,
    );
    assert.match(
      written.err,
      /^Flag --port: "x" is not a port.*\nSee mcp-oauth-gateway --help\.\n$/,
    );
    assert.equal(written.out, '');
  });

  test('looks at its files again at SIGHUP, and goes on', async () => {
    const { process, signals, printed } = fakeProcess([upstream, '--port=0']);
    let looks = 0;
    const reload = () => {
      looks += 1;
    };

    const code = runCommandLine(
      process,
      program(() => ({ ...listening, reload })),
    );
    await once(printed, 'out');
    signals.emit('SIGHUP');
    signals.emit('SIGTERM');

    assert.equal(await code, 0);
    assert.equal(looks, 1);
    assert.equal(signals.listenerCount('SIGHUP'), 0);
  });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`prints the banner, closes at ${signal} and ends with 0`, async () => {
      const { process, written, signals, printed } = fakeProcess([
        upstream,
        '--port=0',
        '--store=./x.mdb',
      ]);
      let isClosed = false;
      const close = async () => {
        isClosed = true;
      };

      const code = runCommandLine(
        process,
        program(() => ({ ...listening, close })),
      );
      await once(printed, 'out');
      signals.emit(signal);

      assert.equal(await code, 0);
      assert.ok(isClosed);
      assert.match(written.out, /^mcp-oauth-gateway: +1\.2\.3\nlistening on: +127\.0\.0\.1:4711\n/);
      assert.match(written.out, /^store: +\/.*\/x\.mdb$/m);
      assert.match(written.out, /^warning: +The default password/m);
      assert.match(written.out, new RegExp(`\\nStopping after ${signal}; a second .*\\n$`));
      assert.equal(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT'), 0);
    });
  }

  test('looks at the upstream once it listens, and stays whatever comes of that', async () => {
    const { process, written, signals } = fakeProcess([upstream]);
    const steps: string[] = [];
    const gateway: RunnableGateway = {
      listen: async () => {
        steps.push('listen');
        return { addresses: ['127.0.0.1'], port: 4711 };
      },
      lookAtUpstream: async () => {
        steps.push('look');
        signals.emit('SIGTERM');
        throw new Error('a surprise');
      },
      close: async () => {
        steps.push('close');
      },
    };

    assert.equal(
      await runCommandLine(
        process,
        program(() => gateway),
      ),
      0,
    );

    assert.deepEqual(steps, ['listen', 'look', 'close']);
    assert.match(written.err, /a surprise/);
  });

  test('does not lose a signal that comes during the start', async () => {
    const { process, signals } = fakeProcess([upstream]);

    const code = runCommandLine(
      process,
      program(() => listening),
    );
    signals.emit('SIGTERM');

    assert.equal(await code, 0);
  });

  test('ends with 2 at a second signal, whatever still runs', async () => {
    const gateways = [
      { ...listening, close: () => never },
      { ...listening, listen: () => never },
    ];

    for (const gateway of gateways) {
      const { process, signals } = fakeProcess([upstream]);
      const code = runCommandLine(
        process,
        program(() => gateway),
      );
      signals.emit('SIGINT');
      signals.emit('SIGTERM');
      signals.emit('SIGTERM');
      assert.equal(await code, 2);
    }
  });

  test('ends with 3 when the stop fails', async () => {
    const { process, written, signals } = fakeProcess([upstream]);
    const gateway = { ...listening, close: () => Promise.reject(new Error('stuck')) };

    const code = runCommandLine(
      process,
      program(() => gateway),
    );
    signals.emit('SIGTERM');

    assert.equal(await code, 3);
    assert.equal(written.err, 'The gateway did not stop cleanly: Error: stuck\n');
  });
});

describe('a start that fails ends with 1 and a sentence', () => {
  const cases: [string, string[], Error, string][] = [
    [
      'port in use',
      ['--port=8002'],
      systemError('EADDRINUSE'),
      'Port 8002 (flag --port) is already in use on localhost; stop the program that has it or choose another, for example --port=8003.',
    ],
    [
      'last port in use',
      ['--port=65535'],
      systemError('EADDRINUSE'),
      'Port 65535 (flag --port) is already in use on localhost; stop the program that has it or choose another, for example --port=8003.',
    ],
    [
      'reserved port',
      ['--port=80'],
      systemError('EACCES'),
      'Port 80 (flag --port) may not be opened by this user; choose one from 1024 on, for example --port=8002.',
    ],
    [
      'reserved port of a worker',
      ['--port=80'],
      systemError('EACCES', 'bind'),
      'Port 80 (flag --port) may not be opened by this user; choose one from 1024 on, for example --port=8002.',
    ],
    [
      'a file that may not be read',
      [],
      systemError('EACCES', 'open'),
      'The gateway could not start: open EACCES.',
    ],
    [
      'foreign address',
      ['--host=127.0.0.9'],
      systemError('EADDRNOTAVAIL'),
      'Host "127.0.0.9" (flag --host) is not an address of this machine; give one that is, for example --host=localhost.',
    ],
    [
      'no IPv6',
      ['--host=::1'],
      systemError('EAFNOSUPPORT'),
      'Host "::1" (flag --host) is not an address of this machine; give one that is, for example --host=localhost.',
    ],
    [
      'unknown name',
      [],
      systemError('ENOTFOUND'),
      'Host "localhost" (default) is not a name this machine can resolve; give one that it can, or an address, for example --host=localhost.',
    ],
    [
      'no resolver',
      [],
      systemError('EAI_AGAIN'),
      'Host "localhost" (default) is not a name this machine can resolve; give one that it can, or an address, for example --host=localhost.',
    ],
    [
      'a wrapped error',
      [],
      new Error('no', { cause: systemError('EADDRINUSE') }),
      'Port 8002 (default) is already in use on localhost; stop the program that has it or choose another, for example --port=8003.',
    ],
    [
      'a file that does not say what it should',
      ['--clients-file=clients.json'],
      new ConfigurationError([
        { setting: 'clientsFile', message: 'The file is not JSON.' },
        { setting: 'upstreamRs', message: 'It is odd.' },
        { setting: 'what', message: 'There is no such setting.' },
      ]),
      '--clients-file: The file is not JSON.\n--upstream-rs: It is odd.\nwhat: There is no such setting.',
    ],
    ['anything else', [], new Error('out of luck'), 'The gateway could not start: out of luck.'],
    ['a sentence', [], new Error('It rains.'), 'The gateway could not start: It rains.'],
  ];
  for (const [what, argv, error, sentence] of cases) {
    test(`for ${what}`, async () => {
      const { process, written } = fakeProcess([upstream, ...argv]);
      const gateway = { ...listening, listen: () => Promise.reject(error) };

      assert.equal(
        await runCommandLine(
          process,
          program(() => gateway),
        ),
        1,
      );
      assert.equal(written.err, `${sentence}\nSee mcp-oauth-gateway --help.\n`);
    });
  }

  test('for a gateway that cannot even be made', async () => {
    const { process, written } = fakeProcess([upstream]);
    const create = () => Promise.reject('no reason');

    const code = await runCommandLine(
      process,
      program(() => ({ ...listening, listen: create })),
    );

    assert.equal(code, 1);
    assert.match(written.err, /^The gateway could not start: no reason\.\n/);
  });

  test('for a port that really is in use, named by its variable', async (context) => {
    const server = createServer().listen(0, '127.0.0.1');
    context.after(() => server.close());
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const second = createServer();
    const gateway = {
      ...listening,
      listen: async () => {
        await once(second.listen(port, '127.0.0.1'), 'listening');
        return { addresses: [], port };
      },
    };
    const { process, written } = fakeProcess([upstream], { MCP_GATEWAY_PORT: String(port) });

    assert.equal(
      await runCommandLine(
        process,
        program(() => gateway),
      ),
      1,
    );
    assert.match(
      written.err,
      /^Port \d+ \(environment MCP_GATEWAY_PORT\) is already in use.*MCP_GATEWAY_PORT=\d+\.\n/,
    );
  });
});

describe('the command hash-password', () => {
  test('hashes the first line of standard input', async () => {
    const { process, written } = fakeProcess(['hash-password'], {}, ['hun', 'ter2\nrest']);

    assert.equal(
      await runCommandLine(
        process,
        program(() => listening),
      ),
      0,
    );
    assert.deepEqual(written, { out: 'hash of 7 characters\n', err: '' });
  });

  test('refuses an empty one', async () => {
    const { process, written } = fakeProcess(['hash-password'], {}, ['\nhunter2']);

    assert.equal(
      await runCommandLine(
        process,
        program(() => listening),
      ),
      1,
    );
    assert.equal(written.out, '');
  });

  test('asks twice on a terminal, and shows nothing of what is typed', async () => {
    const typed = ['hunX', '\u007fter2\r', 'hunter2', '\r'];
    const { process, written } = fakeProcess(['hash-password'], {}, typed);
    const stdin = Object.assign(process.stdin, { isTTY: true });

    assert.equal(
      await runCommandLine(
        { ...process, stdin },
        program(() => listening),
      ),
      0,
    );
    assert.deepEqual(written, { out: 'hash of 7 characters\n', err: 'Password: \nAgain: \n' });
  });

  const broken: [string, string[]][] = [
    ['that differ', ['hunter2\r', 'hunter3\r']],
    ['broken off', ['hun\u0003']],
  ];
  for (const [what, typed] of broken) {
    test(`hashes nothing ${what}`, async () => {
      const { process, written } = fakeProcess(['hash-password'], {}, typed);
      const stdin = Object.assign(process.stdin, { isTTY: true });

      assert.equal(
        await runCommandLine(
          { ...process, stdin },
          program(() => listening),
        ),
        1,
      );
      assert.equal(written.out, '');
    });
  }
});

describe('a run with --check', () => {
  test('says that the configuration is good, with its warnings, and does not listen', async () => {
    const { process, written } = fakeProcess([upstream, '--check']);
    const gateway = { ...listening, listen: () => Promise.reject(new Error('listened')) };

    assert.equal(
      await runCommandLine(
        process,
        program(() => gateway),
      ),
      0,
    );
    assert.match(written.out, /^Warning: The default password.*\nThe configuration is good\.\n$/);
  });

  test('refuses what could not start', async () => {
    const { process, written } = fakeProcess([upstream, '--check']);
    const create = () => {
      throw new Error('The users file x cannot be used.');
    };

    assert.equal(await runCommandLine(process, program(create)), 1);
    assert.match(written.err, /The users file x cannot be used/);
  });
});
