import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputWindow } from './input-window.js';

describe('InputWindow', () => {
  it('shows a record inside a chunk in place', () => {
    const window = new InputWindow();
    const chunk = Uint8Array.of(1, 2, 3, 4);
    window.push(chunk);
    expect(window.ensure(4)).toBe(true);
    expect(window.bytes).toBe(chunk);
  });

  it('copies only the record that a chunk boundary cuts', () => {
    const window = new InputWindow();
    const second = new Uint8Array(1000).fill(2);
    window.push(new Uint8Array(10).fill(1));
    window.consume(6);
    expect(window.ensure(8)).toBe(false);
    window.push(second);
    expect(window.ensure(8)).toBe(true);
    expect([...window.bytes.subarray(window.start, window.start + 8)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    window.consume(8);
    expect(window.ensure(10)).toBe(true);
    expect(window.bytes).toBe(second);
  });

  it('shows the stream as it is, however it is cut, looked at, consumed and skipped', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), size: fc.nat(50) }),
      fc.record({ kind: fc.constant('ensure' as const), size: fc.nat(60) }),
      fc.record({ kind: fc.constant('skip' as const), size: fc.nat(60) }),
      fc.record({ kind: fc.constant('push' as const), size: fc.integer({ min: 4000, max: 9000 }) }),
      fc.record({ kind: fc.constant('ensure' as const), size: fc.integer({ min: 3000, max: 9000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new InputWindow();
        let pushed = 0;
        let position = 0;
        for (const { kind, size } of steps) {
          if (kind === 'push') {
            window.push(Uint8Array.from({ length: size }, (_, i) => (pushed + i) % 251));
            pushed += size;
          } else if (kind === 'skip') {
            const skipped = window.skip(size);
            expect(skipped).toBe(Math.min(size, pushed - position));
            position += skipped;
          } else {
            expect(window.ensure(size)).toBe(size <= pushed - position);
            if (size > pushed - position) continue;
            for (let i = 0; i < size; i++) {
              if (window.view.getUint8(window.start + i) !== (position + i) % 251) {
                throw new Error(`byte ${position + i} is wrong`);
              }
            }
            window.consume(size);
            position += size;
          }
          expect([window.position, window.available]).toEqual([position, pushed - position]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps one buffer of the size of the largest record, however long the stream', () => {
    const window = new InputWindow();
    const buffers = new Set<ArrayBufferLike>();
    const chunk = new Uint8Array(1000);
    for (let i = 0; i < 2000; i++) {
      window.push(chunk);
      while (window.ensure(777)) {
        if (window.bytes !== chunk) buffers.add(window.bytes.buffer);
        window.consume(777);
      }
    }
    expect(buffers.size).toBe(1);
    expect([...buffers][0]!.byteLength).toBeLessThanOrEqual(8192);
  });
});
