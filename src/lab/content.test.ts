import { describe, expect, it } from 'vitest';
import { Content, PIECE_BYTES } from './content.js';

describe('what a server answers with', () => {
  const content = new Content(7);

  it('is the same wherever it is cut', () => {
    for (const offset of [0, 1, 65_536, 65_537, 1e6, 987_654_321]) {
      const whole = content.piece(offset, PIECE_BYTES).slice();
      expect(whole.length).toBe(PIECE_BYTES);
      expect(content.mismatch(whole, offset)).toBe(-1);
      expect(content.piece(offset + 1234, 5000)).toEqual(whole.subarray(1234, 6234));
    }
    expect(new Content(8).mismatch(content.piece(0, 100), 0)).toBe(0);
  });

  it('shows a wrong byte, and right ones at a wrong place, whether they were copied or not', () => {
    const piece = content.piece(1400, 1400);
    const copy = piece.slice();
    expect([content.mismatch(piece, 1400), content.mismatch(copy, 1400)]).toEqual([-1, -1]);
    for (const offset of [0, 1396, 1404, 2800, 1400 + 65_536]) {
      expect(content.mismatch(piece, offset)).toBeGreaterThanOrEqual(0);
      expect(content.mismatch(copy, offset)).toBeGreaterThanOrEqual(0);
    }
    copy[1399]! ^= 1;
    expect(content.mismatch(copy, 1400)).toBe(1399);
  });
});
