/** Every parser is total: it ends, throws nothing, and reads only the bytes it was given. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wireParsers } from '../../test/fuzz/wire-targets.js';
import type { WireParser } from '../../test/fuzz/wire-targets.js';

/** Seeds with a few bytes changed, cut or extended, and plain noise. */
function inputs(parser: WireParser): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const mutated = fc
    .tuple(
      fc.constantFrom(...parser.seeds),
      fc.array(change, { maxLength: 5 }),
      fc.integer({ min: -9, max: 9 }),
    )
    .map(([seed, changes, grown]) => {
      const bytes = new Uint8Array(Math.max(0, seed.length + grown)).fill(0xa5);
      bytes.set(seed.subarray(0, bytes.length));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  return fc.oneof(mutated, fc.uint8Array({ maxLength: 90 }));
}

/** What `parser` makes of `bytes` in the midst of a larger array whose other bytes are `filler`. */
function parseWithin(parser: WireParser, bytes: Uint8Array, filler: number): unknown {
  const whole = new Uint8Array(bytes.length + 256).fill(filler);
  whole.set(bytes, 96);
  const result = parser.parse(whole, 96, bytes.length);
  // After a failure a struct holds no particular values.
  return result === undefined ? parser.state?.() : result;
}

describe.each(wireParsers)('$name', (parser) => {
  it('accepts its seeds', () => {
    expect(parser.seeds.length).toBeGreaterThan(0);
    for (const seed of parser.seeds) {
      expect({ result: parser.parse(seed) }).not.toMatchObject({ result: { ok: false } });
    }
  });

  it('takes any bytes, and nothing around them', () => {
    fc.assert(
      fc.property(inputs(parser), (bytes) => {
        expect(parseWithin(parser, bytes, 0xff)).toEqual(parseWithin(parser, bytes, 0x00));
      }),
      { numRuns: 400 },
    );
  });
});
