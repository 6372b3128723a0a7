import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopbackAddress, isSpecialAddress } from '../../src/adapters/clients/special-address.ts';

const special: readonly (readonly [string, readonly string[]])[] = [
  ['this network', ['0.0.0.0', '0.255.255.255']],
  ['private', ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.1']],
  ['behind a carrier’s NAT', ['100.64.0.0', '100.127.255.255', '100.100.100.200']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
  ['link-local', ['169.254.0.1', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1']],
  ['of a cloud’s host', ['168.63.129.16', 'fd00:ec2::254']],
  [
    'for the IETF’s protocols',
    ['192.0.0.0', '192.0.0.170', '192.88.99.1', '2001:1::1', '2001:20::1'],
  ],
  ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
  ['for benchmarks', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
  ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
  ['reserved or broadcast', ['240.0.0.1', '255.255.255.255', '4000::1', '100::1', '5f00::1']],
  ['unspecified', ['::', '::0']],
  ['unique local', ['fc00::1', 'fdff:ffff::1']],
  ['site-local, as it was', ['fec0::1']],
  ['IPv4, mapped', ['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::ffff:8.8.8.8', '::ffff:0:1.1.1.1']],
  ['IPv4, compatible', ['::127.0.0.1', '::8.8.8.8']],
  ['6to4', ['2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:808:808::']],
  ['Teredo', ['2001::1', '2001:0:7f00:1::']],
  [
    'NAT64 of a special address',
    ['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::', '64:ff9b::169.254.169.254'],
  ],
  ['NAT64 of a local network', ['64:ff9b:1::8.8.8.8']],
  ['no address', ['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3.4.5']],
];

for (const [kind, addresses] of special) {
  test(`an address is special: ${kind}`, () => {
    assert.deepEqual(
      addresses.filter((address) => !isSpecialAddress(address)),
      [],
    );
  });
}

test('an address on the public Internet is not special, whatever network it is reached by', () => {
  const addresses = [
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '198.17.255.255',
    '223.255.255.255',
    '2606:4700::1111',
    '2001:4860:4860::8888',
    '2001:200::1',
    '3ffe::1',
    '64:ff9b::8.8.8.8',
    '64:ff9b::808:808',
  ];

  assert.deepEqual(
    addresses.filter((address) => isSpecialAddress(address)),
    [],
  );
});

test('this machine’s own addresses are known, for tests', () => {
  assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1'].filter(isLoopbackAddress).length, 3);
  assert.deepEqual(['10.0.0.1', '::ffff:127.0.0.1', '::'].filter(isLoopbackAddress), []);
});
