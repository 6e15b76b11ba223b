import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageReader, parseError, type Scan } from './index.js';

/** A length byte and as many bytes; 255 is not allowed. */
function scan(bytes: Uint8Array): Scan<string> {
  if (bytes.length === 0) return { state: 'more', atLeast: 1 };
  if (bytes[0] === 255) return { state: 'invalid', error: parseError('bad-length', 0, '255') };
  const length = 1 + bytes[0]!;
  if (bytes.length < length) return { state: 'more', atLeast: length };
  return { state: 'done', value: String.fromCharCode(...bytes.subarray(1, length)), length };
}

describe('a reader of messages', () => {
  it('gives the same messages however the stream is cut', () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 9 }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(words, fc.array(fc.nat(7)), (wanted, cuts) => {
        const stream = Uint8Array.from(
          wanted.flatMap((word) => [word.length, ...[...word].map((letter) => letter.charCodeAt(0))]),
        );
        const reader = new MessageReader(scan, 10);
        const got: string[] = [];
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const end = Math.min(stream.length, at + 1 + (cuts[i % Math.max(1, cuts.length)] ?? 0));
          let chunk: Uint8Array = stream.subarray(at, end);
          while (chunk.length > 0) {
            const read = reader.read(chunk);
            if (read.state !== 'message') break;
            got.push(read.value);
            chunk = read.rest;
          }
          at = end;
          expect(reader.heldBytes).toBeLessThanOrEqual(10);
        }
        expect(got).toEqual(wanted);
        expect(reader.heldBytes).toBe(0);
      }),
    );
  });

  it('refuses a message that is longer than it may be before it has come', () => {
    const read = new MessageReader(scan, 10).read(Uint8Array.of(10, 1, 2));
    expect(read).toMatchObject({ state: 'invalid', error: { code: 'too-long' } });
  });

  it('keeps no more than the longest message of a flood', () => {
    const reader = new MessageReader(scan, 10);
    reader.read(Uint8Array.of(9));
    const read = reader.read(new Uint8Array(1_000_000));
    expect(read).toMatchObject({ state: 'message' });
    expect(read.state === 'message' && read.rest.length).toBe(1_000_000 - 9);
  });

  it('gives what it took of an invalid one', () => {
    const read = new MessageReader(scan, 10).read(Uint8Array.of(255, 1));
    expect(read).toMatchObject({ state: 'invalid', received: Uint8Array.of(255, 1) });
  });

  it('does not keep the chunk that it was given', () => {
    const reader = new MessageReader(scan, 10);
    const chunk = Uint8Array.of(2, 65);
    reader.read(chunk);
    chunk.fill(0);
    expect(reader.read(Uint8Array.of(66))).toMatchObject({ value: 'AB' });
  });
});
