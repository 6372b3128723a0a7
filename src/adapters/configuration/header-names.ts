/** Headers that make a request what it is (RFC 9110 §7.6.1, RFC 9112 §6): nobody sets them from outside. */
export const framingHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The client's credentials at the gateway, and what the gateway answers or adds to itself. */
const ours = new Set(['authorization', 'cookie', 'expect', 'user-agent']);

/** Whether a client's header of this name (in lower case) may be let through to the MCP server. */
export function mayPass(name: string): boolean {
  const isName = /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
  return isName && !framingHeaders.has(name) && !ours.has(name) && !name.startsWith('proxy-');
}
