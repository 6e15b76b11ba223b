import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  discoverNat64Prefixes,
  embedIpv4,
  extractNat64,
  formatNat64Prefix,
  IpAddress,
  isPublicIpv4,
  MAX_NAT64_PREFIXES,
  nat64PrefixLengths,
  parseNat64Prefix,
  synthesizeNat64,
  wellKnownNat64Prefix,
} from './index.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const found = (...answers: string[]): string[] =>
  discoverNat64Prefixes(answers.map(address)).map(formatNat64Prefix);

describe('an IPv4 address behind a NAT64 prefix', () => {
  it.each([
    // The table of RFC 6052 §2.4.
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
    ['64:ff9b::/96', '64:ff9b::192.0.2.33'],
  ])('is written and read under %s as in the table of RFC 6052 §2.4', (prefixText, expected) => {
    const prefix = parseNat64Prefix(prefixText)!;
    expect(embedIpv4(prefix, address('192.0.2.33')).equals(address(expected))).toBe(true);
    expect(extractNat64(prefix, address(expected))?.toString()).toBe('192.0.2.33');
  });

  it('comes back from every prefix length, and octet 8 is 0 (RFC 6052 §2.2)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...nat64PrefixLengths),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat(0xffff_ffff),
        (length, bytes, word) => {
          const prefix = { prefix: IpAddress.readV6(bytes.fill(0, length / 8).fill(0, 8, 9), 0), length };
          const ipv4 = new IpAddress(4, 0, 0, 0, word);
          const ipv6 = embedIpv4(prefix, ipv4);
          expect(extractNat64(prefix, ipv6)!.equals(ipv4)).toBe(true);
          expect(ipv6.toBytes()[8]).toBe(0);
        },
      ),
    );
  });

  it('is not read from an address outside of the prefix, nor from one whose octet 8 is not 0', () => {
    const prefix = parseNat64Prefix('2001:db8:122::/48')!;
    expect(extractNat64(prefix, address('2001:db8:123:c000:2:2100::'))).toBeUndefined();
    expect(extractNat64(prefix, address('2001:db8:122:c000:102:2100::'))).toBeUndefined();
    expect(extractNat64(prefix, address('192.0.2.33'))).toBeUndefined();
  });

  it('is not synthesised under the well-known prefix when it is not public (RFC 6052 §3.1)', () => {
    for (const text of ['10.1.2.3', '172.31.0.1', '192.168.0.1', '100.64.0.1', '127.0.0.1', '169.254.1.1']) {
      expect(isPublicIpv4(address(text))).toBe(false);
      expect(synthesizeNat64(wellKnownNat64Prefix, address(text))).toBeUndefined();
      expect(synthesizeNat64(parseNat64Prefix('2001:db8:64::/96')!, address(text))).toBeDefined();
    }
    expect(
      synthesizeNat64(wellKnownNat64Prefix, address('8.8.8.8'))!.equals(address('64:ff9b::8.8.8.8')),
    ).toBe(true);
    expect(synthesizeNat64(wellKnownNat64Prefix, address('2001:db8::1'))).toBeUndefined();
  });

  it('has a prefix of six lengths only, with nothing behind it', () => {
    for (const text of [
      '64:ff9b::/95',
      '64:ff9b::',
      '192.0.2.0/32',
      '2001:db8:1::/32',
      '64:ff9b::1/96x',
      'x/96',
    ])
      expect(parseNat64Prefix(text)).toBeUndefined();
    expect(formatNat64Prefix(parseNat64Prefix('64:ff9b::/96')!)).toBe('64:ff9b::/96');
  });
});

describe('the discovery of NAT64 prefixes (RFC 7050 §3)', () => {
  it('finds the well-known prefix and those of a network’s own, in the order of the answer', () => {
    expect(found('64:ff9b::192.0.0.170', '64:ff9b::192.0.0.171')).toEqual(['64:ff9b::/96']);
    expect(found('2001:db8:122:c000:0:aa00::', '64:ff9b::192.0.0.171')).toEqual([
      '2001:db8:122::/48',
      '64:ff9b::/96',
    ]);
  });

  it('finds every length', () => {
    for (const length of nat64PrefixLengths) {
      const prefix = { prefix: address('2001:db8::'), length };
      const answers = ['192.0.0.170', '192.0.0.171'].map((text) => embedIpv4(prefix, address(text)));
      expect(discoverNat64Prefixes(answers)).toEqual([prefix]);
    }
  });

  it('finds none where nobody synthesises', () => {
    expect(found()).toEqual([]);
    expect(found('2001:db8::1', '192.0.0.170')).toEqual([]);
  });

  it('reads an answer that fits twice in the way that both addresses of the name bear out', () => {
    // The prefix itself contains 192.0.0.170 where a /32 would have put it.
    const prefix = parseNat64Prefix('2001:db8:c000:aa::/96')!;
    const answers = ['192.0.0.170', '192.0.0.171'].map((text) => embedIpv4(prefix, address(text)));
    expect(discoverNat64Prefixes(answers)).toEqual([prefix]);
  });

  it('gives no more prefixes than a limit', () => {
    const many = Array.from({ length: 50 }, (_, i) => `2001:db8:${i.toString(16)}::192.0.0.170`);
    expect(found(...many)).toHaveLength(MAX_NAT64_PREFIXES);
  });
});
