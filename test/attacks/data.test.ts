/** Attacks with data: mappings beyond the window, bytes out of order, forged payload. */

import { describe, expect, it } from 'vitest';
import { mappingBeyond, outOfOrder, payloadForged } from '../../src/experiments/index.js';

describe('a mapping far beyond the window', () => {
  it('keeps no byte, and what it displaced is sent again', () => {
    expect(mappingBeyond(1)).toMatchObject({ harm: 0, completed: true });
  });
});

describe('single bytes out of order', () => {
  const [before, after] = outOfOrder(1);

  it('pile up where runs are not limited', () => {
    expect(before!.harm).toBe(2500);
  });

  it('are kept up to a limit, and the transfer goes on', () => {
    expect(after).toMatchObject({ harm: 1024, completed: true });
  });
});

describe('payload forged on the path', () => {
  const [withChecksum, without] = payloadForged(1);

  it('gets through, with and without the DSS checksum: neither is a secret', () => {
    expect(withChecksum).toMatchObject({ harm: 1, completed: false });
    expect(without).toMatchObject({ harm: 1, completed: false });
  });
});
