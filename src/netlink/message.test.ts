import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeReplies, encodeRequest } from './message.js';
import { pathAttributes } from './mptcp-pm.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

describe('generic netlink messages', () => {
  it('have the layout of the kernel: headers, padded and nested attributes', () => {
    const attributes = pathAttributes(
      {
        token: 0x01020304,
        local: { address: '10.0.1.1', port: 0 },
        remote: { address: '::ffff:10.0.0.2', port: 80 },
      },
      { id: 5 },
    );
    const request = encodeRequest({ family: 0x21, command: 10, version: 1, sequence: 7, attributes });
    expect(hex(request)).toBe(
      '540000002100050007000000000000000a010000' +
        '0800040004030201' +
        '1c000180' +
        '0600010002000000' +
        '080003000a000101' +
        '0500020005000000' +
        '1c000680' +
        '0600010002000000' +
        '080003000a000002' +
        '0600050050000000',
    );
  });

  it('carry IPv6 addresses whole', () => {
    const ends = { address: '2001:db8::1', port: 0 };
    const [, local] = pathAttributes({ token: 1, local: ends, remote: ends });
    expect(local).toMatchObject({ nested: [{ u16: 10 }, { type: 4, bytes: { length: 16 } }] });
  });

  it('tell why the kernel refuses, with the request echoed or not', () => {
    const capped =
      '38000000 0200 0003 07000000 00000000 eaffffff' +
      '54000000 2100 0500 07000000 00000000' +
      '12000100 696e76616c696420746f6b656e000000 0000';
    expect(decodeReplies(bytesOf(capped))).toEqual([
      { kind: 'ack', sequence: 7, errno: 22, message: 'invalid token' },
    ]);
    const whole =
      '38000000 0200 0002 07000000 00000000 eaffffff' +
      '18000000 2100 0500 07000000 00000000 0a010000 04000400' +
      '0a000100 6e6f7065 2100 0000';
    expect(decodeReplies(bytesOf(whole))).toEqual([
      { kind: 'ack', sequence: 7, errno: 22, message: 'nope!' },
    ]);
    const done = '24000000 0200 0001 07000000 00000000 00000000 54000000 2100 0500 07000000 00000000';
    expect(decodeReplies(bytesOf(done))).toEqual([{ kind: 'ack', sequence: 7, errno: 0, message: '' }]);
  });

  it('are read without harm whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const reply of decodeReplies(bytes)) expect(['ack', 'data']).toContain(reply.kind);
      }),
    );
  });
});
