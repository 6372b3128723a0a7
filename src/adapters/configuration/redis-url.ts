/** Where a Redis or Valkey is, and how to get in, as its URL says. */
export interface RedisLocation {
  readonly topology: 'single' | 'cluster' | 'sentinel';
  /** The server, some nodes of the cluster, or the sentinels. */
  readonly hosts: readonly (
    | { readonly host: string; readonly port: number }
    | { readonly path: string }
  )[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name that the sentinels know the server by. */
  readonly service: string | undefined;
  readonly prefix: string;
}

const forms =
  'redis://HOST:PORT/DATABASE, redis+unix:///SOCKET, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT,HOST:PORT/?name=SERVICE, each also as rediss for TLS and with USER:PASSWORD@ before the host';

const parts =
  /^(rediss?)(?:\+(cluster|sentinel|unix))?:\/\/(?:([^@/]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

const defaultPrefix = 'mcp-oauth-gateway:';

/** Whether a text is meant as the URL of a Redis. */
export function isRedisUrl(text: string): boolean {
  return /^(redis|rediss|valkey|valkeys)(\+\w+)?:/.test(text);
}

/** Reads the URL of a Redis; a sentence says what is wrong with it, without showing what may be a password. */
export function redisLocation(url: string): RedisLocation | string {
  const [, scheme, kind = 'single', login = '', names = '', path = '', search = ''] =
    // Valkey speaks the same protocol and has its own name for it.
    parts.exec(url.replace(/^valkey/, 'redis')) ?? [];
  if (scheme === undefined) return `It is not the URL of a Redis; the forms are ${forms}.`;
  // A password with a slash in it, not escaped: what stands here is a part of it.
  if (search.includes('@')) return escapeSentence;
  const query = new URLSearchParams(search);
  const isSocket = kind === 'unix';
  const [username, password] = credentials(login);
  const location: RedisLocation = {
    topology: isSocket ? 'single' : (kind as RedisLocation['topology']),
    hosts: isSocket ? [{ path: decoded(path) }] : tcpHosts(names, kind),
    tls: scheme === 'rediss' && !isSocket,
    username,
    password,
    database: Number((isSocket ? query.get('db') : path.slice(1)) || '0'),
    service: query.get('name') ?? undefined,
    prefix: query.get('prefix') ?? defaultPrefix,
  };
  return faults(location, query).find((fault) => fault !== undefined) ?? location;
}

const escapeSentence =
  'The URL of a Redis has an @ behind its question mark; write / ? # @ in a password as %2F %3F %23 %40.';

function faults(location: RedisLocation, query: URLSearchParams): readonly (string | undefined)[] {
  const { topology, hosts, database, service } = location;
  const stranger = [...query.keys()].find((key) => !['name', 'prefix', 'db'].includes(key));
  return [
    stranger && `The URL of a Redis has no parameter ${stranger}; take it out.`,
    hosts.every(isSound)
      ? undefined
      : 'The URL of a Redis names no host or socket, or a port that is none.',
    Number.isInteger(database) && database >= 0
      ? undefined
      : 'The database of a Redis is a number, as in redis://HOST/0.',
    topology === 'cluster' && database !== 0
      ? 'A cluster has no databases; take out the number behind the hosts.'
      : undefined,
    topology === 'sentinel' && service === undefined
      ? 'Sentinels have to be asked for a service by name; add ?name=SERVICE to the URL.'
      : undefined,
    topology === 'single' && hosts.length > 1
      ? 'Several hosts are a cluster or sentinels; write redis+cluster:// or redis+sentinel://.'
      : undefined,
  ];
}

/** The URL as it may be shown. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z+]+:\/\/).*@/is, '$1…@');
}

function credentials(login: string): readonly [string | undefined, string | undefined] {
  const [user = '', ...rest] = login.split(':');
  return [decoded(user) || undefined, decoded(rest.join(':')) || undefined];
}

/** A password may hold a % that stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function tcpHosts(
  names: string,
  kind: string,
): readonly { readonly host: string; readonly port: number }[] {
  const usualPort = kind === 'sentinel' ? 26_379 : 6379;
  return names.split(',').map((name) => {
    const [, host = '', port] = /^(\[[0-9a-f:.]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(name) ?? [];
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? usualPort) };
  });
}

function isSound(host: RedisLocation['hosts'][number]): boolean {
  if ('path' in host) return host.path.length > 1;
  return host.host !== '' && host.port > 0 && host.port < 65_536;
}
