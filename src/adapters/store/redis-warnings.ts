import type { RedisLink } from './redis-link.ts';

/** What an operator should know of how a server is set up, a sentence each; nothing where it may not be asked. */
export async function redisWarnings(link: RedisLink): Promise<readonly string[]> {
  const servers = await link.servers();
  const found = await Promise.all(servers.map(warningsOf));
  return [...new Set(found.flat())];
}

async function warningsOf(
  send: (command: readonly string[]) => Promise<unknown>,
): Promise<readonly string[]> {
  const [memory, persistence] = await Promise.all([
    infoOf(send, 'memory'),
    infoOf(send, 'persistence'),
  ]);
  const warnings: string[] = [];
  const policy = memory.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis throws records away when its memory is full (maxmemory-policy ${policy}), which logs people out; set it to noeviction.`,
    );
  }
  if (memory.get('maxmemory') === '0') {
    warnings.push(
      'Redis has no maxmemory, so nothing bounds what strangers can make it hold; set one.',
    );
  }
  if (persistence.get('aof_enabled') === '0') {
    warnings.push(
      'Redis keeps no append-only file, so a crash of it loses the last minutes and logs people out; set appendonly yes, and appendfsync always to lose nothing at all.',
    );
  }
  return warnings;
}

/** Some accounts may not use INFO, and some servers leave members out. */
async function infoOf(
  send: (command: readonly string[]) => Promise<unknown>,
  section: string,
): Promise<ReadonlyMap<string, string>> {
  const text = await send(['INFO', section]).catch(() => '');
  const lines = [...String(text).matchAll(/^(\w+):(.*?)\r?$/gm)];
  return new Map(lines.map(([, name = '', value = '']) => [name, value]));
}
