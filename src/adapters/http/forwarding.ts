import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6, type Socket } from 'node:net';
import { rawValue } from './raw-headers.ts';

/** What is known of who sent a request, behind whatever proxies. */
export interface Caller {
  /** The client's address; that of the nearest hop which is not trusted. */
  readonly address: string | undefined;
  /** The host that the client asked for. */
  readonly host: string | undefined;
  readonly scheme: 'http' | 'https';
  /** The name that a proxy gave the request. */
  readonly requestId: string | undefined;
}

/** Tells who sent a request. */
export type CallerOf = (request: IncomingMessage) => Caller;

/**
 * Believes forwarding headers only of these proxies (addresses and networks): everybody can send them. Each hop names the one before it, so
 * they are read from the right, as far as trust goes. Where `Forwarded` (RFC 7239) and `X-Forwarded-For` disagree about the address, one of
 * them was passed on from a stranger, and neither counts.
 */
export function callers(proxies: readonly string[]): CallerOf {
  const trusted = trustIn(proxies);
  // Every call comes by here, and the peer of a connection stays who it is.
  const peers = new WeakMap<Socket, Peer>();
  return (request) => {
    const { socket } = request;
    let known = peers.get(socket);
    if (known === undefined) {
      known = peerOf(socket, trusted);
      peers.set(socket, known);
    }
    const { address: peer, scheme, isTrusted } = known;
    if (peer === undefined || !isTrusted) {
      const host = rawValue(request.rawHeaders, 'host');
      return { address: peer, host, scheme, requestId: undefined };
    }
    const { headers } = request;
    const id = single(headers['x-request-id']);
    const forwarded = elementsOf(single(headers.forwarded));
    const last = forwarded.at(-1);
    return {
      address: addressBehind(peer, headers['x-forwarded-for'], forwarded, trusted),
      host: last?.get('host') ?? lastOf(headers['x-forwarded-host']) ?? headers.host,
      scheme: schemeIn(last?.get('proto') ?? lastOf(headers['x-forwarded-proto'])) ?? scheme,
      requestId: id !== undefined && /^[\w.:@+/=-]{1,128}$/.test(id) ? id : undefined,
    };
  };
}

/** Who is at the other end of a connection. */
interface Peer {
  readonly address: string | undefined;
  readonly scheme: Caller['scheme'];
  readonly isTrusted: boolean;
}

function peerOf(socket: Socket, trusted: Trust): Peer {
  const address = plainAddress(socket.remoteAddress ?? '');
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  return { address, scheme, isTrusted: address !== undefined && trusted(address) };
}

type Trust = (address: string) => boolean;

function trustIn(proxies: readonly string[]): Trust {
  const list = new BlockList();
  for (const each of proxies) {
    const [address = '', bits] = each.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function addressBehind(
  peer: string,
  forwardedFor: string | string[] | undefined,
  forwarded: readonly ReadonlyMap<string, string>[],
  trusted: Trust,
): string {
  const listed = single(forwardedFor)?.split(',') ?? [];
  const byList = walk(peer, listed, trusted);
  const byElements = walk(
    peer,
    forwarded.map((element) => element.get('for') ?? ''),
    trusted,
  );
  if (forwarded.length === 0) return byList;
  return listed.length === 0 || byList === byElements ? byElements : peer;
}

/** From hop to hop, as long as each is trusted to name the one before. */
function walk(peer: string, hops: readonly string[], trusted: Trust): string {
  let address = peer;
  for (let index = hops.length - 1; index >= 0 && trusted(address); index -= 1) {
    const before = plainAddress(hops[index] ?? '');
    if (before === undefined) break;
    address = before;
  }
  return address;
}

/** An address without port, brackets and zone, IPv4 as such; `undefined` where there is none (RFC 7239 §6 knows names too). */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bare =
    /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? trimmed.replace(/^([\d.]+):\d{1,5}$/, '$1');
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}

/** The elements of a `Forwarded` header (RFC 7239 §4), the farthest hop first; none of one that is malformed. */
function elementsOf(header: string | undefined): readonly ReadonlyMap<string, string>[] {
  if (header === undefined || !wellFormed.test(header)) return [];
  const elements = [new Map<string, string>()];
  for (const [, name = '', quoted, token, end] of header.matchAll(pair)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
    elements.at(-1)?.set(name.toLowerCase(), value);
    if (end === ',') elements.push(new Map());
  }
  return elements;
}

const pair = /\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*([,;]?)/g;
const wellFormed = /^(?:\s*[\w!#$%&'*+.^`|~-]+=(?:"(?:[^"\\]|\\.)*"|[^\s",;]*)\s*(?:[,;]|$))+$/;

/** Of several hops' words the nearest one's: those before it may be a stranger's. */
function lastOf(header: string | string[] | undefined): string | undefined {
  return single(header)?.split(',').at(-1)?.trim() || undefined;
}

function schemeIn(text: string | undefined): 'http' | 'https' | undefined {
  const lower = text?.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
