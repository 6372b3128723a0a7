import { BlockList, isIP, isIPv4 } from 'node:net';

/** Whatever of IPv4 is not a host on the public Internet (RFC 6890 and the IANA registry of special-purpose addresses). */
const specialIpv4 = listOf('ipv4', [
  ['0.0.0.0', 8], // "this network"
  ['10.0.0.0', 8], // private (RFC 1918)
  ['100.64.0.0', 10], // carrier-grade NAT (RFC 6598); a cloud's metadata service is there too
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // the host of an Azure machine, which answers to no one else
  ['169.254.0.0', 16], // link-local (RFC 3927): the metadata service of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocols (RFC 6890)
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays (RFC 7526)
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks (RFC 2544)
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
]);

/** IPv6 hands out 2000::/3 only: what lies outside is loopback, mapped, unique local, link-local, multicast, or not there at all. */
const unicastIpv6 = listOf('ipv6', [['2000::', 3]]);

const specialIpv6 = listOf('ipv6', [
  ['2001::', 23], // IETF protocols, Teredo among them (RFC 4380): it holds an IPv4 address
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4 (RFC 3056): it holds an IPv4 address
  ['3fff::', 20], // documentation (RFC 9637)
]);

/** NAT64 (RFC 6052 §2.1): behind it is the IPv4 address in the last 32 bits. On networks without IPv4 every host looks like this. */
const nat64 = listOf('ipv6', [['64:ff9b::', 96]]);

/** Whether an IP address is none of a host on the public Internet; so is what is no IP address. */
export function isSpecialAddress(address: string): boolean {
  if (isIPv4(address)) return specialIpv4.check(address, 'ipv4');
  // A zone (fe80::1%eth0) only ever names a link of this machine.
  if (isIP(address) === 0 || address.includes('%')) return true;
  if (nat64.check(address, 'ipv6')) return specialIpv4.check(lastIpv4(address), 'ipv4');
  return !unicastIpv6.check(address, 'ipv6') || specialIpv6.check(address, 'ipv6');
}

/** Whether an IP address is this machine's own, for the development switch. */
export function isLoopbackAddress(address: string): boolean {
  return isIPv4(address) ? address.startsWith('127.') : address === '::1';
}

/** The IPv4 address in the last 32 bits. */
function lastIpv4(address: string): string {
  // A URL spells every IPv6 address in one way, without dots (WHATWG URL §3.5).
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [high = '', low = ''] = spelled.split(':').slice(-2);
  const bits = [high, low].map((group) => Number.parseInt(group || '0', 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join('.');
}

function listOf(
  family: 'ipv4' | 'ipv6',
  subnets: readonly (readonly [string, number])[],
): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}
