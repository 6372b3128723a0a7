import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { parseSetCookie } from 'cookie';
import fc from 'fast-check';
import { clientCredentials } from '../../src/adapters/http/client-credentials.ts';
import { flowCookies } from '../../src/adapters/http/flow-cookie.ts';
import { shallowJson } from '../../src/adapters/http/json-body.ts';
import { McpRequest } from '../../src/adapters/http/mcp-request.ts';
import { parameters } from '../../src/adapters/http/parameters.ts';
import { sessionCookie } from '../../src/adapters/http/session-cookie.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { flowId } from '../../src/domain/flow-secrets.ts';
import { anyText } from '../domain/any-text.ts';
import { readAtLength, secret } from './strange-input.ts';

// What comes from outside, made by the grammar that its parser reads, and then by one that almost is that.

describe('a bearer token in a header', () => {
  const bearer = (...lines: readonly string[]) => {
    const rawHeaders = lines.flatMap((line) => ['Authorization', line]);
    return new McpRequest({ rawHeaders, method: 'POST' } as unknown as IncomingMessage, '').bearer;
  };
  const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,60}=*$/);

  it('is read from every spelling that RFC 9110 allows', () => {
    const scheme = fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bEaReR');
    fc.assert(
      fc.property(token, scheme, fc.nat(3), fc.nat(2), (text, name, before, after) => {
        const line = `${name}${' '.repeat(before + 1)}${text}${' '.repeat(after)}`;

        assert.equal(bearer(line), text);
        assert.equal(bearer(line, line), '', 'two of them are none');
      }),
    );
  });

  it('is not found in anything else, whatever is sent', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const found = bearer(text);

        if (found !== undefined) assert.match(text, /^bearer /i);
        assert.equal(found, found?.trim());
      }),
    );
  });
});

describe('a form', () => {
  const pairs = fc.array(fc.tuple(fc.oneof(anyText, fc.constantFrom('a', 'b')), anyText), {
    maxLength: 8,
  });

  it('is read as it was written, the first of a name first, and the repeated ones are known', () => {
    const spelled = fc.constantFrom(
      (text: string) => new URLSearchParams([[text, '']]).toString().slice(0, -1),
      (text: string) => encodeURIComponent(text),
      // Every byte escaped, in small letters.
      (text: string) =>
        [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    );
    fc.assert(
      fc.property(pairs, spelled, (given, spell) => {
        const read = parameters(
          given.map(([name, value]) => `${spell(name)}=${spell(value)}`).join('&'),
        );

        for (const [name] of given) {
          const all = given.filter(([other]) => other === name);
          // A field without name and value is no field.
          if (name === '' && all.every(([, value]) => value === '')) continue;
          assert.equal(read.get(name), all[0]?.[1] || undefined);
          assert.equal(read.has(name), true);
          assert.equal(read.repeated.includes(name), all.length > 1);
        }
      }),
    );
  });

  it('is read from any bytes without a complaint', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        parameters(text).get(text);
      }),
    );
    readAtLength(1_000_000, parameters);
  });
});

describe('the credentials of a client', () => {
  const part = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
  });
  const basic = (id: string, password: string) =>
    `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`;
  const read = (header: string | undefined, form = '') =>
    clientCredentials(
      header === undefined ? [] : [header],
      parameters(form),
      ['https://gateway.example'],
      undefined,
    );

  it('are among the readings of a Basic header, form-encoded (RFC 6749 §2.3.1) or not', () => {
    const id = part.filter((text) => !text.includes(':'));
    const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
    fc.assert(
      fc.property(id, part, (name, password) => {
        for (const header of [basic(name, password), basic(encode(name), encode(password))]) {
          const found = read(header);
          assert.equal(found.ok, true, header);
          const readings = found.ok && Array.isArray(found.value) ? found.value : [];
          assert.equal(
            readings.some((each) => each.id === name && each.secret === password),
            true,
            header,
          );
        }
      }),
    );
  });

  it('are never told again in a refusal, whatever is sent', () => {
    const form = fc.record({
      client_id: fc.option(anyText, { nil: '' }),
      client_secret: fc.option(secret, { nil: '' }),
      client_assertion: fc.option(secret, { nil: '' }),
      client_assertion_type: fc.option(anyText, { nil: '' }),
    });
    fc.assert(
      fc.property(fc.option(anyText, { nil: undefined }), form, secret, (header, fields, word) => {
        const junk = header === undefined ? undefined : `${header} ${word}`;
        const found = read(junk, String(new URLSearchParams(fields)));
        if (found.ok) return;
        assert.doesNotMatch(found.failure.description, /s3cr3t/);
      }),
    );
  });
});

describe('JSON from a stranger', () => {
  it('is read where it is flat, with whatever in its strings, and not where it is deep', () => {
    const flat = fc.jsonValue({
      maxDepth: 12,
      stringUnit: fc.constantFrom('"', '\\', '[', '{', '}', ']', 'a', '\n', '\u2028'),
    });
    fc.assert(
      fc.property(flat, fc.integer({ min: 1, max: 40 }), (value, levels) => {
        const text = JSON.stringify(value);
        assert.deepEqual(shallowJson(text), JSON.parse(text));
        const deep = '['.repeat(levels) + JSON.stringify('[') + ']'.repeat(levels);
        assert.equal(shallowJson(deep) !== undefined, levels <= 16);
      }),
    );
  });

  it('takes no time to be refused, whatever it is made of', () => {
    readAtLength(1_000_000, (text) => [shallowJson(text), shallowJson(`"${text}`)]);
  });
});

describe('cookies', () => {
  const carrying = (cookie: string) => ({ headers: { cookie } }) as unknown as IncomingMessage;
  const flow = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/).map((text) => flowId(text));
  const value = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/);
  const base = fc.constantFrom(
    'http://localhost:8002',
    'https://gateway.example',
    'https://a.example/b',
  );
  const strangers = fc.array(
    fc.oneof(
      fc.stringMatching(/^[a-z_-]{1,8}=[A-Za-z0-9%"._-]{0,20}$/),
      fc.constantFrom('mcp-flow-=', '__proto__=x', '=', 'a', '; ;', '__Host-mcp-flow-x="'),
    ),
    { maxLength: 5 },
  );

  it('of a flow are read among whatever else a browser has, for their flow and no other', () => {
    fc.assert(
      fc.property(
        flow,
        flow,
        value,
        base,
        strangers,
        fc.nat(),
        (own, other, text, url, more, at) => {
          if (own === undefined) return assert.fail('no flow id');
          const cookies = flowCookies(() => url, 900, standingClock());
          const [line = ''] = cookies.give(carrying(''), own, text);
          const { name, value: given } = parseSetCookie(line);
          const jar = more.toSpliced(at % (more.length + 1), 0, `${name}=${given}`).join('; ');

          assert.equal(cookies.read(carrying(jar), own), text);
          if (other !== own) assert.equal(cookies.read(carrying(jar), other), undefined);
        },
      ),
    );
  });

  it('of a session are read as they were given', () => {
    fc.assert(
      fc.property(value, base, strangers, (text, url, more) => {
        const cookie = sessionCookie(() => url, 60);
        const { name, value: given } = parseSetCookie(cookie.give(text)[0] ?? '');

        assert.equal(cookie.read(carrying([`${name}=${given}`, ...more].join('; '))), text);
      }),
    );
  });

  it('of any kind are read without throwing, and in no time', () => {
    const cookies = flowCookies(() => 'http://localhost', 900, standingClock());
    const some = flowId('f'.repeat(22)) ?? assert.fail('no flow id');
    fc.assert(
      fc.property(anyText, (text) => {
        assert.equal(cookies.read(carrying(text), some), undefined);
        cookies.give(carrying(`mcp-flow-${text}=${text}`), some, 's'.repeat(43));
      }),
    );
    const give = (text: string) => cookies.give(carrying(text), some, 's'.repeat(43));
    readAtLength(64_000, give, ['mcp-flow-x=1; ']);
  });
});
