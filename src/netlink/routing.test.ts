import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../wire/index.js';
import {
  decodeSourceRule,
  decodeSubflow,
  decodeTableRoute,
  encodeAttributes,
  routeBody,
  routeQueryTo,
  type RoutingBody,
  routingMessages,
  ruleBody,
  type SourceRule,
  subflowQuery,
  type TableRoute,
} from './index.js';

const ip = (text: string): IpAddress => IpAddress.parse(text)!;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bodyOf = ({ header, attributes }: RoutingBody): Uint8Array =>
  Uint8Array.from([...header, ...encodeAttributes(attributes)]);

describe('the question for the route to a destination', () => {
  it('has its family, how many bits of it count, and the address (rtnetlink(7))', () => {
    expect(hex(bodyOf(routeQueryTo(ip('192.0.2.1'))))).toBe('022000000000000000000000' + '08000100c0000201');
    expect(hex(bodyOf(routeQueryTo(ip('2001:db8::1')))).slice(0, 32)).toBe(
      '0a8000000000000000000000' + '14000100',
    );
  });
});

const anyFamily = fc.constantFrom<4 | 6>(4, 6);
const anyNumber = fc.integer({ min: 1, max: 0x7fff_ffff });
const anyByte = fc.integer({ min: 0, max: 255 });

function anyAddress(family: 4 | 6): fc.Arbitrary<IpAddress> {
  return (family === 4 ? fc.ipV4() : fc.ipV6()).map(ip);
}

const anyRoute: fc.Arbitrary<TableRoute> = anyFamily.chain((family) =>
  fc.record({
    ...{ family: fc.constant(family), table: anyNumber, protocol: anyByte, interfaceIndex: anyNumber },
    gateway: fc.oneof(fc.constant(undefined), anyAddress(4), anyAddress(6)),
  }),
);

const anyRule: fc.Arbitrary<SourceRule> = fc.record({
  ...{
    source: anyFamily.chain(anyAddress),
    prefixLength: fc.integer({ min: 1, max: 32 }),
    table: anyNumber,
    priority: anyNumber,
    protocol: anyByte,
  },
  isWithoutDefault: fc.boolean(),
});

describe('routes of tables', () => {
  it('have the bytes that `ip route add default via 10.0.1.2 dev DEV table 1000 proto 83` sends', () => {
    const body = bodyOf(
      routeBody({ family: 4, table: 1000, protocol: 83, interfaceIndex: 3, gateway: ip('10.0.1.2') }),
    );
    expect(hex(body)).toBe(
      '02000000fc53000100000000' + '08000f00e8030000' + '0800040003000000' + '080005000a000102',
    );
  });

  it('read as they were written', () => {
    fc.assert(
      fc.property(anyRoute, (route) => {
        const read = decodeTableRoute({
          type: routingMessages.newRoute,
          sequence: 0,
          body: bodyOf(routeBody(route)),
        });
        expect(read?.gateway?.toString()).toBe(route.gateway?.toString());
        expect({ ...read, gateway: undefined }).toEqual({ ...route, gateway: undefined });
      }),
    );
  });
});

describe('rules by source address', () => {
  it('have the bytes that `ip rule add from 10.0.1.1 table 1000 pref 5 proto 83 suppress_prefixlength 0` sends', () => {
    const rule = {
      source: ip('10.0.1.1'),
      prefixLength: 32,
      table: 1000,
      priority: 5,
      protocol: 83,
      isWithoutDefault: true,
    };
    expect(hex(bodyOf(ruleBody(rule)))).toBe(
      '02002000fc00000100000000' +
        '080002000a000101' +
        '08000f00e8030000' +
        '0800060005000000' +
        '0500150053000000' +
        '08000e0000000000',
    );
  });

  it('read as they were written', () => {
    fc.assert(
      fc.property(anyRule, (rule) => {
        const read = decodeSourceRule({
          type: routingMessages.newRule,
          sequence: 0,
          body: bodyOf(ruleBody(rule)),
        });
        expect(read?.source.toString()).toBe(rule.source.toString());
        expect({ ...read, source: 0 }).toEqual({ ...rule, source: 0 });
      }),
    );
  });

  it('for all sources, and those that do something else than choose a table, are none', () => {
    const rule = {
      source: ip('10.0.1.1'),
      prefixLength: 32,
      table: 1000,
      priority: 5,
      protocol: 83,
      isWithoutDefault: false,
    };
    const body = bodyOf(ruleBody(rule));
    const changed = (at: number, value: number): Uint8Array =>
      body.map((byte, i) => (i === at ? value : byte));
    const read = (bytes: Uint8Array): unknown =>
      decodeSourceRule({ type: routingMessages.newRule, sequence: 0, body: bytes });
    expect(read(body)).toBeDefined();
    expect(read(changed(2, 0))).toBeUndefined();
    expect(read(changed(2, 33))).toBeUndefined();
    expect(read(changed(7, 6))).toBeUndefined();
    expect(read(changed(0, 10))).toBeUndefined();
  });
});

describe('what the kernel says of routes, rules and subflows', () => {
  it('is read without harm whatever the bytes are', () => {
    const anyBytes = fc.uint8Array({ maxLength: 200 });
    const types = [...Object.values(routingMessages), 20];
    fc.assert(
      fc.property(fc.constantFrom(...types), anyBytes, (type, body) => {
        const message = { type, sequence: 0, body };
        decodeTableRoute(message);
        decodeSourceRule(message);
        const subflow = decodeSubflow(message);
        if (subflow !== undefined) expect(Number.isSafeInteger(subflow.cookie)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('of a TCP socket makes a subflow where that names its connection', () => {
    const message = Buffer.alloc(72);
    message[0] = 2;
    message[1] = 1;
    message.writeUInt16BE(443, 4);
    message.writeUInt16BE(40_000, 6);
    message.set([10, 0, 1, 1], 8);
    message.set([192, 0, 2, 1], 24);
    message.writeUInt32LE(3, 40);
    message.writeUInt32LE(77, 44);
    const about = encodeAttributes([
      { type: 2, u32: 0xabcd },
      { type: 8, u32: 0b101000 },
      { type: 10, u8: 4 },
    ]);
    const attributes = (type: number): Uint8Array =>
      encodeAttributes([{ type: 19, bytes: encodeAttributes([{ type, bytes: about }]) }]);
    const read = (type: number): unknown =>
      decodeSubflow({ type: 20, sequence: 0, body: Uint8Array.from([...message, ...attributes(type)]) });
    expect(read(3)).toEqual({
      ...{ token: 0xabcd, cookie: 77, family: 4, state: 1, localId: 4, remoteId: 0, interfaceIndex: 3 },
      local: { address: '10.0.1.1', port: 443 },
      remote: { address: '192.0.2.1', port: 40_000 },
      ...{ isJoin: true, isJoinOfOurs: true, isBackup: true, isBackupForPeer: false },
      tcpInfo: new Uint8Array(0),
    });
    // Another upper layer, TLS.
    expect(read(2)).toBeUndefined();
    expect(subflowQuery(6)[0]).toBe(10);
  });
});
