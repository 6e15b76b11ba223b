import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, decodeUtf8, encodeUtf8 } from './text.js';

describe('UTF-8', () => {
  it('is written as every browser writes it, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
      }),
    );
    expect([...encodeUtf8('a\ud800b')]).toEqual([0x61, 0xef, 0xbf, 0xbd, 0x62]);
  });

  it('is read as every browser reads it, whatever the bytes', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const tricky = fc.constantFrom(
      0x00,
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xa0,
      0xed,
      0x9f,
      0xf0,
      0x90,
      0xf4,
      0xf5,
    );
    const bytes = fc.array(fc.oneof(tricky, fc.nat(255)), { maxLength: 20 });
    fc.assert(
      fc.property(bytes, (values) => {
        const input = Uint8Array.from(values);
        expect(decodeUtf8(input, 0, input.length)).toBe(decoder.decode(input));
      }),
      { numRuns: 1000 },
    );
  });

  it('reads only the bytes it was shown', () => {
    const bytes = encodeUtf8('ab€cd');
    expect(decodeUtf8(bytes, 1, 4)).toBe('b€');
    expect(decodeUtf8(bytes, 1, 3)).toBe('b\ufffd');
  });

  it('ends at a zero byte where it is a string option', () => {
    expect(decodeText(Uint8Array.of(0x78, 0x61, 0x62, 0, 0x63), 1, 4)).toBe('ab');
    expect(decodeText(Uint8Array.of(0x61, 0x62, 0), 0, 2)).toBe('ab');
  });
});
