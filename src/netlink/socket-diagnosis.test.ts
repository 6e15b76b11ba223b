import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAttributes } from './message.js';
import { routeMessagesOf } from './route-message.js';
import { decodeDiagnosedSocket, socketQuery } from './socket-diagnosis.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

/** A connection from 10.0.0.1:8080 to 10.0.0.2:50000, established, of user 1000, with a structure of four bytes. */
const connection = bytesOf(
  '02 01 00 00 1f90 c350' +
    '0a000001 00000000 00000000 00000000' +
    '0a000002 00000000 00000000 00000000' +
    '00000000 07000000 00000000' +
    '00000000 05000000 06000000 e8030000 39300000' +
    '0800 0200 deadbeef' +
    '0500 0800 00 000000',
);

describe('socket diagnosis', () => {
  it('is asked for all sockets of a protocol whose number has more than one byte', () => {
    const { header, attributes } = socketQuery(6, 262, ['established', 'close-wait']);
    expect(hex(header)).toBe(`0a060200${'02010000'}${'00'.repeat(48)}`);
    expect(hex(encodeAttributes(attributes))).toBe('0800030006010000');
  });

  it('tells ends, state, owner, queues, and the structure of the protocol', () => {
    expect(decodeDiagnosedSocket({ type: 20, sequence: 1, body: connection })).toEqual({
      ...{ state: 'established', cookie: 7, uid: 1000, inode: 12_345, receiveQueue: 5, sendQueue: 6 },
      local: { address: '10.0.0.1', port: 8080 },
      remote: { address: '10.0.0.2', port: 50_000 },
      info: bytesOf('deadbeef'),
    });
  });

  it('has addresses of IPv4 on sockets of IPv6 as those of IPv4', () => {
    const body = connection.slice();
    body[0] = 10;
    body.set(bytesOf('00000000 00000000 0000ffff 7f000001'), 8);
    body.set(bytesOf('20010db8 00000000 00000000 00000001'), 24);
    expect(decodeDiagnosedSocket({ type: 20, sequence: 1, body })).toMatchObject({
      local: { address: '127.0.0.1' },
      remote: { address: '2001:db8::1' },
    });
  });

  it('has nothing to say of what is cut short, of another type or family, and a name for every state', () => {
    const read = (body: Uint8Array, type = 20): unknown => decodeDiagnosedSocket({ type, sequence: 1, body });
    for (let length = 0; length < 72; length++) expect(read(connection.subarray(0, length))).toBeUndefined();
    expect(read(connection, 2)).toBeUndefined();
    expect(read(Uint8Array.of(1, ...connection.subarray(1)))).toBeUndefined();
    expect(read(Uint8Array.of(2, 200, ...connection.subarray(2)))).toMatchObject({ state: 'unknown' });
    expect(read(connection.subarray(0, 75))).toMatchObject({ info: new Uint8Array(0) });
  });

  it('is read without harm whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        const bytes = Uint8Array.of(...connection.subarray(0, 72), ...tail);
        expect(decodeDiagnosedSocket({ type: 20, sequence: 1, body: bytes })).toBeDefined();
        for (const message of routeMessagesOf(tail)) decodeDiagnosedSocket({ ...message, type: 20 });
      }),
    );
  });
});
