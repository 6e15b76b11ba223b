import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkPayload, LinkType, isKnownLinkType, linkPayload } from './link.js';

const V4 = [0x45, 0, 0, 20];
const V6 = [0x60, 0, 0, 0];
const MAC = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
const IPV4 = [0x08, 0x00];
const IPV6 = [0x86, 0xdd];
const TAG = [0x81, 0x00, 0x00, 0x05];
const SERVICE_TAG = [0x88, 0xa8, 0x00, 0x64];
const SLL = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
const SLL2_REST = [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];

/** The payload's offset and EtherType; undefined where none is found. */
function find(linkType: number, frame: readonly number[]): [number, number] | undefined {
  const payload = linkPayload(linkType, Uint8Array.from(frame));
  if (payload === undefined) return undefined;
  expect(payload.length).toBe(frame.length - payload.offset);
  return [payload.offset, payload.etherType];
}

describe('linkPayload', () => {
  it.each<[string, number, number[], [number, number] | undefined]>([
    ['Ethernet, IPv4', LinkType.ETHERNET, [...MAC, ...IPV4, ...V4], [14, 0x0800]],
    ['Ethernet, IPv6', LinkType.ETHERNET, [...MAC, ...IPV6, ...V6], [14, 0x86dd]],
    ['Ethernet, ARP', LinkType.ETHERNET, [...MAC, 0x08, 0x06, ...V4], undefined],
    ['a VLAN tag', LinkType.ETHERNET, [...MAC, ...TAG, ...IPV4, ...V4], [18, 0x0800]],
    ['two tags', LinkType.ETHERNET, [...MAC, ...SERVICE_TAG, ...TAG, ...IPV6, ...V6], [22, 0x86dd]],
    ['an old QinQ tag', LinkType.ETHERNET, [...MAC, 0x91, 0, 0, 1, ...TAG, ...IPV4, ...V4], [22, 0x0800]],
    ['a tag and the end', LinkType.ETHERNET, [...MAC, 0x81, 0x00, 0x00], undefined],
    ['802.2 SNAP', LinkType.ETHERNET, [...MAC, 0, 12, 0xaa, 0xaa, 3, 0, 0, 0, ...IPV4, ...V4], [22, 0x0800]],
    [
      '802.2 but not SNAP',
      LinkType.ETHERNET,
      [...MAC, 0, 12, 0x42, 0x42, 3, 0, 0, 0, ...IPV4, ...V4],
      undefined,
    ],
    [
      'SNAP of a vendor',
      LinkType.ETHERNET,
      [...MAC, 0, 12, 0xaa, 0xaa, 3, 0, 0, 12, ...IPV4, ...V4],
      undefined,
    ],
    ['raw IPv4', LinkType.RAW, V4, [0, 0x0800]],
    ['raw IPv6', LinkType.RAW, V6, [0, 0x86dd]],
    ['raw, neither', LinkType.RAW, [0x50], undefined],
    ['raw, the BSD number', LinkType.RAW_BSD, V4, [0, 0x0800]],
    ['raw, the OpenBSD number', LinkType.RAW_OPENBSD, V6, [0, 0x86dd]],
    ['IPv4 alone', LinkType.IPV4, V4, [0, 0x0800]],
    ['IPv6 alone', LinkType.IPV6, V6, [0, 0x86dd]],
    ['cooked', LinkType.LINUX_SLL, [...SLL, ...IPV4, ...V4], [16, 0x0800]],
    ['cooked with a tag', LinkType.LINUX_SLL, [...SLL, ...TAG, ...IPV6, ...V6], [20, 0x86dd]],
    ['cooked, too short', LinkType.LINUX_SLL, [...SLL, 0x08], undefined],
    ['cooked 2', LinkType.LINUX_SLL2, [...IPV6, ...SLL2_REST, ...V6], [20, 0x86dd]],
    ['cooked 2 with a tag', LinkType.LINUX_SLL2, [0x81, 0, ...SLL2_REST, 0, 5, ...IPV4, ...V4], [24, 0x0800]],
    ['cooked 2, too short', LinkType.LINUX_SLL2, [...IPV4, ...SLL2_REST.slice(1)], undefined],
    ['loopback, little-endian', LinkType.NULL, [2, 0, 0, 0, ...V4], [4, 0x0800]],
    ['loopback, big-endian', LinkType.NULL, [0, 0, 0, 2, ...V4], [4, 0x0800]],
    ['loopback of Darwin', LinkType.NULL, [30, 0, 0, 0, ...V6], [4, 0x86dd]],
    ['loopback of FreeBSD', LinkType.NULL, [0, 0, 0, 28, ...V6], [4, 0x86dd]],
    ['loopback of OpenBSD', LinkType.LOOP, [0, 0, 0, 24, ...V6], [4, 0x86dd]],
    ['loopback of Linux', LinkType.NULL, [10, 0, 0, 0, ...V6], [4, 0x86dd]],
    ['loopback, another family', LinkType.NULL, [7, 0, 0, 0, ...V4], undefined],
    ['loopback, no family', LinkType.NULL, [2, 0, 0, 2, ...V4], undefined],
    ['a link type nobody knows', 147, V4, undefined],
  ])('%s', (_name, linkType, frame, expected) => {
    expect(find(linkType, frame)).toEqual(expected);
  });

  it('finds nothing where the frame ends before the packet', () => {
    expect(find(LinkType.ETHERNET, [...MAC, ...IPV4])).toBeUndefined();
    expect(find(LinkType.IPV4, [])).toBeUndefined();
    expect(find(LinkType.RAW, [])).toBeUndefined();
  });

  it('looks only at the range it was given, and fills what it was given', () => {
    const bytes = Uint8Array.from([9, 9, ...MAC, ...IPV4, ...V4, 9, 9, 9]);
    const into = new LinkPayload();
    expect(linkPayload(LinkType.ETHERNET, bytes, 2, 18, into)).toBe(into);
    expect([into.offset, into.length, into.etherType]).toEqual([16, 4, 0x0800]);
    expect(linkPayload(LinkType.ETHERNET, bytes, 2, 13)).toBeUndefined();
  });

  it('never points outside the frame, whatever the bytes', () => {
    const tricky = fc.oneof(fc.constantFrom(0x81, 0x00, 0x88, 0xa8, 0x08, 0x86, 0xdd, 0xaa), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(LinkType)),
        fc.array(tricky, { maxLength: 60 }),
        (linkType, frame) => {
          const payload = linkPayload(linkType, Uint8Array.from([...frame, ...V4, ...V6]), 0, frame.length);
          if (payload === undefined) return;
          expect(payload.length).toBeGreaterThan(0);
          expect(payload.offset + payload.length).toBe(frame.length);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('isKnownLinkType', () => {
  it('knows what linkPayload understands, and no other', () => {
    for (const linkType of Object.values(LinkType)) expect(isKnownLinkType(linkType)).toBe(true);
    expect([105, 127, 147, -1].some(isKnownLinkType)).toBe(false);
  });
});
