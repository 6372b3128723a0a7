/** What becomes of a header: it crosses, it stays behind, or it is looked at. */
type RequestCrossing = 'pass' | 'drop' | 'connection' | 'user-agent';
type AnswerCrossing = 'pass' | 'drop' | 'connection' | 'www-authenticate' | 'content-type';

/** Request headers that cross besides `Mcp-*`: what the body is, what the client understands, where a stream resumes, and traces. */
const crossingRequestHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'baggage',
  'content-encoding',
  'content-length',
  'content-type',
  'if-modified-since',
  'if-none-match',
  'last-event-id',
  'traceparent',
  'tracestate',
]);

/**
 * Answer headers that stay behind: hop-by-hop ones (RFC 9110 §7.6.1), and those that are the gateway's to decide since they are about its
 * own origin.
 */
const stayingAnswerHeaders = new Set([
  'alt-svc',
  'clear-site-data',
  'keep-alive',
  'nel',
  'proxy-authenticate',
  'proxy-connection',
  'public-key-pins',
  'public-key-pins-report-only',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
  'te',
  'transfer-encoding',
  'upgrade',
  'x-request-id', // the client gets the one that our log lines carry
]);

/** Remembers a judgement per spelling of a name: one look-up for a name on the hot path. The memory is bounded, since names can be invented. */
function remembered<Crossing>(judge: (name: string) => Crossing): (name: string) => Crossing {
  const known = new Map<string, Crossing>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const crossing = judge(name.toLowerCase());
    if (known.size < 1024) known.set(name, crossing);
    return crossing;
  };
}

function requestCrossing(further: readonly string[]): (name: string) => RequestCrossing {
  const crossing = new Set([...crossingRequestHeaders, ...further]);
  return remembered((name) => {
    if (crossing.has(name) || name.startsWith('mcp-')) return 'pass';
    return name === 'user-agent' || name === 'connection' ? name : 'drop';
  });
}

const answerCrossing = remembered((name): AnswerCrossing => {
  if (name === 'connection' || name === 'www-authenticate' || name === 'content-type') return name;
  const stays = stayingAnswerHeaders.has(name) || name.startsWith('access-control-');
  return stays ? 'drop' : 'pass';
});

/** Makes the headers of a request to the upstream out of a client's raw ones, names and values alternating. */
export type RequestHeaders = (raw: readonly string[], token: string) => string[];

/**
 * Those of the client's that cross, and the upstream's token in place of the client's, in one pass. `ownAgent` is added to the client's
 * name; `further` (in lower case) cross besides the usual ones.
 */
export function requestHeaders(ownAgent: string, further: readonly string[] = []): RequestHeaders {
  const crossing = requestCrossing(further);
  return (raw, token) => crossingHeaders(raw, token, ownAgent, crossing);
}

function crossingHeaders(
  raw: readonly string[],
  token: string,
  ownAgent: string,
  crossing: (name: string) => RequestCrossing,
): string[] {
  const headers = ['authorization', `Bearer ${token}`];
  let agent = ownAgent;
  let connection = '';
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    switch (crossing(name)) {
      case 'pass':
        headers.push(name, value);
        break;
      case 'user-agent':
        agent = `${value} ${ownAgent}`;
        break;
      case 'connection':
        connection += `${value},`;
        break;
      case 'drop':
        break;
    }
  }
  headers.push('user-agent', agent);
  return withoutNamed(headers, connection, 'authorization');
}

/** What the gateway sends an upstream that has no authorization server: one header, or none at all. */
export interface FixedCredentials {
  readonly header: readonly [string, string] | undefined;
}

/** The headers of a request with fixed credentials in place of every token. */
export function withCredentials(
  headers: readonly string[],
  { header }: FixedCredentials,
): readonly string[] {
  const replaced = new Set(['authorization', header?.[0].toLowerCase()]);
  const kept = headers.filter((_, index) => {
    const name = headers[index - (index % 2)] ?? '';
    return !replaced.has(name.toLowerCase());
  });
  return header === undefined ? kept : [...kept, ...header];
}

/** The headers of an answer that cross to the client, and what the gateway has to know of it. */
export interface AnswerHeaders {
  readonly headers: readonly string[];
  /** The upstream's own challenge; it never crosses as it is. */
  readonly challenge: string | undefined;
}

/** Filters an answer's raw headers in one pass. An event stream is marked so that no proxy on its way buffers or compresses it. */
export function answerHeaders(raw: readonly (Buffer | string)[]): AnswerHeaders {
  const headers: string[] = [];
  const challenges: string[] = [];
  let connection = '';
  let eventStream = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = spelled(raw[index]);
    const value = spelled(raw[index + 1]);
    switch (answerCrossing(name)) {
      case 'pass':
        headers.push(name, value);
        break;
      case 'content-type':
        headers.push(name, value);
        eventStream = /^text\/event-stream\b/i.test(value);
        break;
      case 'www-authenticate':
        challenges.push(value);
        break;
      case 'connection':
        connection += `${value},`;
        break;
      case 'drop':
        break;
    }
  }
  const crossing = withoutNamed(headers, connection);
  return {
    headers: eventStream ? unbuffered(crossing) : crossing,
    challenge: challenges.length > 0 ? challenges.join(', ') : undefined,
  };
}

/** For the proxies between here and the client: nginx knows the first line, the others the second. */
function unbuffered(headers: string[]): readonly string[] {
  const kept = withoutNamed(headers, 'cache-control,x-accel-buffering');
  return [...kept, 'X-Accel-Buffering', 'no', 'Cache-Control', 'no-cache, no-transform'];
}

const everyday = /^(?:(?:keep-alive|close),)*$/i;

/** Leaves out what `Connection` names: it is for one hop alone (RFC 9110 §7.6.1). `own` is ours, and not the client's to name. */
function withoutNamed(headers: string[], connection: string, own?: string): string[] {
  if (everyday.test(connection)) return headers;
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = '', value = ''] = headers.slice(index, index + 2);
    if (name === own || !named.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** Header bytes are Latin-1 by convention: kept byte for byte. */
function spelled(bytes: Buffer | string | undefined): string {
  return typeof bytes === 'string' ? bytes : (bytes?.toString('latin1') ?? '');
}

/** The value of one header, by its name in lower case; empty where it is not there. */
export function headerValue(raw: readonly (Buffer | string)[], wanted: string): string {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (spelled(raw[index]).toLowerCase() === wanted) return spelled(raw[index + 1]);
  }
  return '';
}
