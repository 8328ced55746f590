import test from 'ava';
import fc from 'fast-check';
import {
  addressBytes,
  addressFromBytes,
  bindingPrefixBytes,
  formatAddress,
  formatHost,
  isDialable,
  isPrivate,
  parseAddress,
  parseHost,
  pathPrefix,
  peerPrefix,
} from '../../../daemon/wire/address.ts';

test('parseAddress: literals with a port, in one spelling', (t) => {
  t.deepEqual(parseAddress('9.9.9.9:9480'), { host: '9.9.9.9', port: 9_480 });
  t.deepEqual(parseAddress('[2606:4700:0:0:0:0:0:1111]:1'), { host: '2606:4700::1111', port: 1 });
  t.deepEqual(parseAddress('[::FFFF:1.2.3.4]:80'), { host: '1.2.3.4', port: 80 });
  t.deepEqual(parseAddress('[::1]:0'), { host: '::1', port: 0 });
  for (const text of [
    ...[
      '',
      '9.9.9.9',
      '9.9.9.9:',
      '9.9.9.9:65536',
      '9.9.9:1',
      '9.9.9.9.9:1',
      '256.1.1.1:1',
      '01.1.1.1:1',
      'localhost:1',
    ],
    ...[
      '[::1]',
      '::1:80',
      '[1.2.3.4]:1',
      '[1::2::3]:1',
      '[1:2:3:4:5:6:7]:1',
      '[1:2:3:4:5:6:7:8:9]:1',
      '[fe80::1%eth0]:1',
    ],
    ...['[12345::]:1', '9.9.9.9:1 ', ' 9.9.9.9:1', '[1:2:3:4:5:6:7::8]:1'],
  ]) {
    t.is(parseAddress(text), undefined, text);
  }
});

test('formatHost: RFC 5952 spelling', (t) => {
  for (const [text, canonical] of [
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::1.2.3.4', '::102:304'],
  ] as const) {
    t.is(formatHost(parseHost(text)!), canonical);
  }
});

test('text and bytes of any address come back the same', (t) => {
  const host = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
  fc.assert(
    fc.property(host, fc.nat(65_535), (bytes, port) => {
      const address = { host: formatHost(bytes), port };
      t.deepEqual(parseAddress(formatAddress(address)), address);
      t.deepEqual(addressFromBytes(addressBytes(address)), address);
    }),
    { numRuns: 300 },
  );
});

test('addressFromBytes: other lengths and mapped addresses are refused', (t) => {
  t.is(addressFromBytes(new Uint8Array(5)), undefined);
  t.is(addressFromBytes(new Uint8Array(17)), undefined);
  const mapped = new Uint8Array(18);
  mapped.set([0xff, 0xff, 127, 0, 0, 1], 10);
  t.is(addressFromBytes(mapped), undefined);
  t.throws(() => addressBytes({ host: 'example.org', port: 1 }), { instanceOf: RangeError });
});

test('isPrivate: edges of the ranges', (t) => {
  const privates = [
    ...[
      '0.1.2.3',
      '10.0.0.0',
      '10.255.255.255',
      '100.64.0.0',
      '100.127.255.255',
      '127.0.0.1',
      '127.255.0.1',
      '169.254.9.9',
    ],
    ...[
      '172.16.0.0',
      '172.31.255.255',
      '192.168.0.1',
      '198.18.0.1',
      '198.19.255.255',
      '203.0.113.5',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...[
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
      '2001:db8::1',
      '2002:7f00:1::',
      '2001:0:1::',
      '64:ff9b::7f00:1',
    ],
    ...['::ffff:10.0.0.1', '::ffff:9.9.9.9.9', 'localhost', ''],
  ];
  const publics = [
    ...[
      '1.1.1.1',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.0',
      '172.15.255.255',
    ],
    ...[
      '172.32.0.0',
      '192.167.255.255',
      '198.17.255.255',
      '198.20.0.0',
      '223.255.255.255',
      '2606:4700::1111',
      '2a00::1',
    ],
    ...['2001:4860:4860::8888', '::ffff:9.9.9.9'],
  ];
  for (const host of privates) t.true(isPrivate(host), host);
  for (const host of publics) t.false(isPrivate(host), host);
});

test('isDialable: not the unspecified address, multicast or broadcast', (t) => {
  for (const host of ['127.0.0.1', '10.0.0.1', '9.9.9.9', '::1', 'fe80::1']) t.true(isDialable(host), host);
  for (const host of ['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1', 'name'])
    t.false(isDialable(host), host);
});

test('prefixes: /24 and /32 for peers and binding, /16 and /32 for paths', (t) => {
  t.is(peerPrefix('9.9.9.1'), peerPrefix('9.9.9.254'));
  t.not(peerPrefix('9.9.9.1'), peerPrefix('9.9.8.1'));
  t.is(pathPrefix('9.9.9.1'), pathPrefix('9.9.8.1'));
  t.not(pathPrefix('9.9.9.1'), pathPrefix('9.8.9.1'));
  t.is(peerPrefix('2606:4700:1::1'), pathPrefix('2606:4700:2::2'));
  t.not(pathPrefix('2606:4700::1'), pathPrefix('2606:4701::1'));
  t.is(peerPrefix('::ffff:9.9.9.1'), peerPrefix('9.9.9.1'), 'a mapped address is the IPv4 one');
  t.deepEqual(bindingPrefixBytes('9.8.7.6'), Uint8Array.of(9, 8, 7));
  t.deepEqual(bindingPrefixBytes('2606:4700::1'), Uint8Array.of(0x26, 6, 0x47, 0));
});
