import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attribute,
  decodeEndpoint,
  decodeLimits,
  decodePathEvent,
  decodeReplies,
  encodeAttributes,
  encodeRequest,
  endpointAttributes,
  endpointFlags,
  endpointIdAttributes,
  flagBits,
  flagsOf,
  limitAttributes,
  pathManagerCommands,
  readAttributes,
} from './index.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const encoded = (attributes: readonly Attribute[]): string => hex(encodeAttributes(attributes));

const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6());
const anyFlags = fc.subarray([...endpointFlags]);

describe('commands about endpoints', () => {
  it('have the bytes that `ip mptcp endpoint add 10.0.1.1 dev DEV id 7 subflow backup` sends', () => {
    const attributes = endpointAttributes({
      ...{ address: '10.0.1.1', id: 7, interfaceIndex: 3, flags: ['subflow', 'backup'] },
    });
    const request = encodeRequest({ family: 0x21, command: 1, version: 1, sequence: 9, attributes });
    expect(hex(request)).toBe(
      '400000002100050009000000000000000101' +
        '0000' +
        '2c000180' +
        '0600010002000000' +
        '080003000a000101' +
        '0500020007000000' +
        '0800060006000000' +
        '0800070003000000',
    );
  });

  it('name an endpoint by its ID alone, and set flags of it', () => {
    expect(encoded(endpointIdAttributes(5))).toBe('0c000180' + '0500020005000000');
    expect(encoded(endpointIdAttributes(5, ['backup']))).toBe(
      '14000180' + '0500020005000000' + '0800060004000000',
    );
  });

  it('have ports in the byte order of the machine, unlike events', () => {
    const attributes = endpointAttributes({ address: '::1', port: 80, flags: ['signal'] });
    expect(encoded(attributes)).toContain('0600050050000000');
  });

  it('take an IPv4 address in IPv6 form for what it is, and refuse what is no address', () => {
    expect(encoded(endpointAttributes({ address: '::ffff:10.0.0.1', flags: [] }))).toContain(
      '080003000a000001',
    );
    expect(() => endpointAttributes({ address: 'eth0', flags: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_INVALID_ARGUMENT' }),
    );
  });

  it('give endpoints that read as they were written', () => {
    const any = fc.record({
      ...{ address: anyAddress, flags: anyFlags, id: fc.integer({ min: 1, max: 255 }) },
      port: fc.integer({ min: 0, max: 65_535 }),
      interfaceIndex: fc.integer({ min: 0, max: 0x7fff_ffff }),
    });
    fc.assert(
      fc.property(any, (endpoint) => {
        const read = decodeEndpoint(readAttributes(encodeAttributes(endpointAttributes(endpoint))));
        const { address, ...others } = endpoint;
        expect(read).toMatchObject(others);
        const again = decodeEndpoint(
          readAttributes(encodeAttributes(endpointAttributes({ ...endpoint, address: read!.address }))),
        );
        expect(again, address).toEqual(read);
      }),
    );
  });

  it('keep flags as bits, and leave out those that have no name', () => {
    fc.assert(fc.property(anyFlags, (flags) => void expect(flagsOf(flagBits(flags))).toEqual(flags)));
    expect(flagBits(['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar'])).toBe(0x3f);
    expect(flagsOf(0xffff_ffc2)).toEqual(['subflow']);
  });
});

describe('limits', () => {
  it('are set one by one or both, and read as they were written', () => {
    expect(encoded(limitAttributes({ subflows: 8 }))).toBe('0800030008000000');
    expect(encoded(limitAttributes({}))).toBe('');
    const limits = { subflows: 3, addAddrAccepted: 1 };
    expect(decodeLimits(readAttributes(encodeAttributes(limitAttributes(limits))))).toEqual(limits);
    expect(decodeLimits(new Map())).toEqual({ subflows: 0, addAddrAccepted: 0 });
  });
});

/** An event as the kernel sends it. */
function eventOf(command: number, attributes: readonly Attribute[]): Uint8Array {
  return encodeRequest({ family: 0x21, command, version: 1, sequence: 0, attributes });
}

describe('events', () => {
  it('tell of a subflow with its ends, its interface and why it ended', () => {
    const [reply] = decodeReplies(
      eventOf(11, [
        { type: 1, u32: 0x01020304 },
        { type: 2, u16: 2 },
        { type: 3, u8: 5 },
        { type: 5, bytes: bytesOf('0a000101') },
        { type: 7, bytes: bytesOf('0a000002') },
        { type: 9, bytes: bytesOf('a001') },
        { type: 10, bytes: bytesOf('0050') },
        { type: 11, u8: 1 },
        { type: 12, u8: 110 },
        { type: 15, u32: 4 },
      ]),
    );
    expect(decodePathEvent(reply!)).toEqual({
      ...{ type: 'subflow-closed', token: 0x01020304, localId: 5, remoteId: undefined },
      local: { address: '10.0.1.1', port: 40_961 },
      remote: { address: '10.0.0.2', port: 80 },
      ...{ backup: true, errno: 110, interfaceIndex: 4, isServer: undefined, resetReason: undefined },
    });
  });

  it('tell of a connection which side of it this is, by attribute or by flag', () => {
    const tell = (...attributes: Attribute[]): unknown =>
      decodePathEvent(decodeReplies(eventOf(2, [{ type: 1, u32: 7 }, ...attributes]))[0]!);
    expect(tell({ type: 18, u8: 1 })).toMatchObject({ type: 'connection-established', isServer: true });
    expect(tell({ type: 18, u8: 0 })).toMatchObject({ isServer: false });
    expect(tell({ type: 13, u16: 3 })).toMatchObject({ isServer: true });
    expect(tell()).toMatchObject({ isServer: undefined });
  });

  it('of listeners belong to no connection; others that name none are none', () => {
    const listener = decodeReplies(eventOf(15, [{ type: 5, bytes: bytesOf('0a000101') }]))[0]!;
    expect(decodePathEvent(listener)).toMatchObject({ type: 'listener-opened', token: 0 });
    const nameless = decodeReplies(eventOf(11, []))[0]!;
    expect(decodePathEvent(nameless)).toBeUndefined();
  });

  it('and endpoints are read without harm whatever the bytes are, with repeated, empty and oversized attributes', () => {
    const anyAttribute = fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.uint8Array({ maxLength: 24 }));
    const anyMessage = fc.tuple(
      fc.constantFrom(...Object.values(pathManagerCommands), 15, 16, 200),
      fc.array(anyAttribute, { maxLength: 12 }),
      fc.uint8Array({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(anyMessage, ([command, parts, tail]) => {
        const attributes = parts.map(([type, bytes]) => ({ type, bytes }));
        const bytes = Uint8Array.from([...eventOf(command, attributes), ...tail]);
        for (const reply of decodeReplies(bytes)) {
          if (reply.kind !== 'data') continue;
          const event = decodePathEvent(reply);
          if (event?.local !== undefined) expect(event.local.port).toBeLessThan(65_536);
          const endpoint = decodeEndpoint(reply.attributes);
          if (endpoint !== undefined) expect(endpoint.address).toMatch(/^[\da-f.:]+$/);
        }
      }),
    );
  });
});
