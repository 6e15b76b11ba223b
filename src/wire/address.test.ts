import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, formatEndpoint, parseEndpoint } from './address.js';

const word = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0xffff, 0x1_0000, 0xffff_ffff));
const v4 = word.map((d) => new IpAddress(4, 0, 0, 0, d));
const v6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => new IpAddress(6, a, b, c, d));
const address = fc.oneof(v4, v6);

function parse(text: string): IpAddress {
  const result = IpAddress.parse(text);
  expect(result, text).toBeDefined();
  return result!;
}

describe('the text form', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    // RFC 5952 §4.1 to §4.3 and §5.
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['0:0:1::', '0:0:1::'],
  ])('reads %s and writes %s', (text, canonical) => {
    expect(parse(text).toString()).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1%eth0',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3',
  ])('refuses %j', (text) => {
    expect(IpAddress.parse(text)).toBeUndefined();
  });

  it('is read back to the same address, and node:net agrees that it is one', () => {
    fc.assert(
      fc.property(address, (value) => {
        const text = value.toString();
        expect(parse(text).equals(value)).toBe(true);
        expect(value.family === 4 ? isIPv4(text) : isIPv6(text)).toBe(true);
      }),
    );
  });

  it('of any string is an address exactly when node:net says so', () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', 'a', 'F', ':', '::', '.', '255', '%'),
      maxLength: 24,
    });
    fc.assert(
      fc.property(text, (value) => {
        const isAddress = isIPv4(value) || (isIPv6(value) && !value.includes('%'));
        expect(IpAddress.parse(value) !== undefined).toBe(isAddress);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the network form', () => {
  it('is read back to the same address', () => {
    fc.assert(
      fc.property(address, fc.nat(3), (value, offset) => {
        const bytes = new Uint8Array(24).fill(0xee);
        value.writeTo(bytes, offset);
        expect(IpAddress.read(value.family, bytes, offset).equals(value)).toBe(true);
        expect(value.equalsBytes(bytes, offset)).toBe(true);
        expect(bytes.subarray(offset, offset + value.byteLength)).toEqual(value.toBytes());
        expect(bytes[offset + value.byteLength]).toBe(0xee);
      }),
    );
  });

  it('tells addresses apart in every bit', () => {
    for (const value of [parse('192.0.2.1'), parse('2001:db8::1')]) {
      for (let bit = 0; bit < value.byteLength * 8; bit++) {
        const bytes = value.toBytes();
        bytes[bit >>> 3]! ^= 0x80 >>> (bit & 7);
        expect(value.equalsBytes(bytes, 0)).toBe(false);
        expect(IpAddress.read(value.family, bytes, 0).equals(value)).toBe(false);
        expect(value.sharesPrefix(IpAddress.read(value.family, bytes, 0), bit)).toBe(true);
        expect(value.sharesPrefix(IpAddress.read(value.family, bytes, 0), bit + 1)).toBe(false);
      }
    }
  });
});

describe('kinds of address', () => {
  it.each([
    ['0.0.0.0', 'isUnspecified'],
    ['::', 'isUnspecified'],
    ['127.9.9.9', 'isLoopback'],
    ['::1', 'isLoopback'],
    ['224.0.0.1', 'isMulticast'],
    ['239.255.255.255', 'isMulticast'],
    ['ff02::1', 'isMulticast'],
    ['255.255.255.255', 'isBroadcast'],
    ['169.254.0.1', 'isLinkLocal'],
    ['fe80::1', 'isLinkLocal'],
    ['febf::1', 'isLinkLocal'],
  ])('%s: %s only', (text, kind) => {
    const value = parse(text);
    const kinds = ['isUnspecified', 'isLoopback', 'isMulticast', 'isBroadcast', 'isLinkLocal'] as const;
    expect(kinds.filter((name) => value[name])).toEqual([kind]);
    expect(value.isOneHost).toBe(kind === 'isLoopback' || kind === 'isLinkLocal');
  });

  it('finds no kind in ordinary addresses, nor just outside the ranges', () => {
    for (const text of ['128.0.0.1', '240.0.0.1', '169.253.1.1', '2001:db8::1', 'fec0::1', 'fe00::', '::2']) {
      const value = parse(text);
      expect(value.isUnspecified || value.isLoopback || value.isMulticast, text).toBe(false);
      expect(value.isBroadcast || value.isLinkLocal, text).toBe(false);
      expect(value.isOneHost, text).toBe(true);
    }
  });

  it('finds the IPv4 address in a mapped one, which is another address all the same', () => {
    const mapped = parse('::ffff:192.0.2.1');
    expect(String(mapped.mappedV4)).toBe('192.0.2.1');
    expect(mapped.equals(parse('192.0.2.1'))).toBe(false);
    expect(parse('::192.0.2.1').mappedV4).toBeUndefined();
  });

  it('shares no prefix across families', () => {
    expect(IpAddress.unspecified(4).sharesPrefix(IpAddress.unspecified(6), 0)).toBe(false);
  });
});

describe('endpoints', () => {
  it('are read back as written', () => {
    fc.assert(
      fc.property(address, fc.nat(0xffff), (value, port) => {
        const endpoint = parseEndpoint(formatEndpoint({ address: value, port }))!;
        expect(endpoint.address.equals(value)).toBe(true);
        expect(endpoint.port).toBe(port);
      }),
    );
  });

  it.each(['1.2.3.4', '1.2.3.4:65536', '::1:80', '[1.2.3.4]:80', '[::1]', '[::1]:', 'localhost:80'])(
    'refuse %s',
    (text) => {
      expect(parseEndpoint(text)).toBeUndefined();
    },
  );
});
