/** Extensions of ICMP errors: what routers say of themselves behind the quotation, and what nobody should believe. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { writeU16 } from './bytes.js';
import {
  type IcmpExtension,
  icmpExtensionBytes,
  parseIcmpExtensions,
  type WritableIcmpExtension,
} from './icmp-extension.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function read(bytes: Uint8Array): IcmpExtension[] {
  const result = parseIcmpExtensions(bytes);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

const u8 = fc.nat(0xff);
const u32 = fc.nat(0xffff_ffff);
const writable: fc.Arbitrary<WritableIcmpExtension> = fc.oneof(
  fc.record({
    kind: fc.constant('mpls' as const),
    labels: fc.array(
      fc.record({ label: fc.nat(0xf_ffff), trafficClass: fc.nat(7), isBottom: fc.boolean(), ttl: u8 }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
  fc.record(
    {
      kind: fc.constant('interface' as const),
      role: fc.constantFrom('incoming', 'incoming-sub-ip', 'outgoing', 'next-hop'),
      index: u32,
      address: fc.oneof(
        u32.map((d) => new IpAddress(4, 0, 0, 0, d)),
        fc.tuple(u32, u32).map(([a, d]) => new IpAddress(6, a, 0, 0, d)),
      ),
      name: fc.stringMatching(/^[!-~]{0,63}$/),
      mtuBytes: u32,
    },
    { requiredKeys: ['kind', 'role'] },
  ),
  fc.record({
    kind: fc.constant('unknown' as const),
    classNumber: fc.integer({ min: 3, max: 255 }),
    subType: u8,
    body: fc.uint8Array({ maxLength: 40 }),
  }),
);

describe('the extension structure (RFC 4884 §7)', () => {
  it('is read as it was written, whatever objects it has', () => {
    fc.assert(
      fc.property(fc.array(writable, { maxLength: 5 }), (objects) => {
        expect(read(icmpExtensionBytes(objects))).toEqual(objects);
      }),
    );
  });

  it('has the bytes that a router sends for a stack of two labels (RFC 4950 §3)', () => {
    const bytes = hex('2000 0000 000c 0101 1869 f001 0000 3101');
    expect(read(bytes)).toEqual([
      {
        kind: 'mpls',
        labels: [
          { label: 0x1869f, trafficClass: 0, isBottom: false, ttl: 1 },
          { label: 3, trafficClass: 0, isBottom: true, ttl: 1 },
        ],
      },
    ]);
  });

  it('has the bytes that a router sends for an interface with all it has (RFC 5837 §4)', () => {
    const bytes = hex('2000 0000 001c 024f 0000 0007 0001 0000 c000 0201 0865 7468 302e 3100 0000 05dc');
    expect(read(bytes)).toEqual([
      {
        ...{ kind: 'interface', role: 'incoming-sub-ip', index: 7, name: 'eth0.1', mtuBytes: 1500 },
        address: IpAddress.parse('192.0.2.1'),
      },
    ]);
  });

  it('may come without a checksum, and with a wrong one is not believed (RFC 4884 §7)', () => {
    const bytes = icmpExtensionBytes([{ kind: 'unknown', classNumber: 200, subType: 1, body: hex('0102') }]);
    const bare = bytes.slice();
    writeU16(bare, 2, 0);
    expect(read(bare)).toHaveLength(1);
    bytes[bytes.length - 1]! ^= 1;
    expect(parseIcmpExtensions(bytes)).toMatchObject({ ok: false, code: 'bad-checksum', offset: 2 });
  });

  it('of another version, or cut within its header, is an error', () => {
    expect(parseIcmpExtensions(hex('1000 0000'))).toMatchObject({ ok: false, code: 'bad-version' });
    for (let length = 0; length < 4; length++)
      expect(parseIcmpExtensions(new Uint8Array(length))).toMatchObject({ ok: false, code: 'truncated' });
  });
});

describe('an object that makes no sense is a value', () => {
  it.each([
    ['shorter than its header', '2000 0000 0003 0101', 'an object of 3 bytes where 4 are left'],
    ['without a length', '2000 0000 0000 0101', 'an object of 0 bytes where 4 are left'],
    ['longer than what is left', '2000 0000 0100 0101 0000 0000', 'an object of 256 bytes where 8 are left'],
    ['with a header cut short', '2000 0000 0008 01', 'an object header is cut short'],
    ['a stack without labels', '2000 0000 0004 0101', 'a label stack of 0 bytes'],
    ['a stack with half a label', '2000 0000 0006 0101 0000', 'a label stack of 2 bytes'],
    ['an interface without its index', '2000 0000 0006 0208 0000', 'an interface cut short'],
    ['an interface with half an address', '2000 0000 000a 0204 0002 0000 2001', 'an interface cut short'],
    ['an address of no family', '2000 0000 000c 0204 0009 0000 0102 0304', 'an interface cut short'],
    ['a name longer than its object', '2000 0000 0008 0202 ff65 7468', 'an interface cut short'],
    ['a name without a length', '2000 0000 0008 0202 0065 7468', 'an interface cut short'],
    ['an interface without its MTU', '2000 0000 0004 0201', 'an interface cut short'],
  ])('%s', (_what, bytes, reason) => {
    const objects = read(hex(bytes));
    expect(objects).toHaveLength(1);
    expect(objects[0]).toMatchObject({ kind: 'malformed', reason });
  });

  it('and those before it are still told', () => {
    const bytes = hex('2000 0000 0008 0101 0000 3101 ffff 0000');
    expect(read(bytes).map(({ kind }) => kind)).toEqual(['mpls', 'malformed']);
  });

  it('a name shows nothing that a terminal would obey', () => {
    const bytes = hex('2000 0000 000c 0202 081b 5b32 4a07 ff00');
    expect(read(bytes)).toEqual([{ kind: 'interface', role: 'incoming', name: '?[2J??' }]);
  });

  it('no bytes whatever make it throw, or give more objects than they have words', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        bytes.set([0x20, 0, 0, 0].slice(0, bytes.length));
        const result = parseIcmpExtensions(bytes);
        if (result.ok) expect(result.value.length).toBeLessThanOrEqual(Math.ceil(bytes.length / 4));
      }),
      { numRuns: 1000 },
    );
  });
});
