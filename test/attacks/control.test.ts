/** Attacks with options that steer a connection (RFC 6181, RFC 7430), each without its defence and as shipped. */

import { describe, expect, it } from 'vitest';
import {
  addressChurn,
  addressHijack,
  dataAckBeyond,
  fastClose,
  findExperiment,
  removeAddress,
  runExperiment,
} from '../../src/experiments/index.js';

describe('an address of the attacker’s, announced in the server’s name', () => {
  const [before, after] = addressHijack(1);

  it('draws the client’s join in version 0, which asks for no proof', () => {
    expect(before!.harm).toBeGreaterThan(0);
  });

  it('is ignored in version 1 without its HMAC (RFC 8684 §3.4.1)', () => {
    expect(after).toMatchObject({ harm: 0, completed: true });
  });
});

describe('announcements and withdrawals in turn', () => {
  const [before, after] = addressChurn(1);

  it('would draw joins until the memory of failed pairs is full', () => {
    expect(before!.harm).toBeGreaterThanOrEqual(32);
  });

  it('draw a burst of joins at the most, and the transfer goes on', () => {
    expect(after).toMatchObject({ completed: true });
    expect(after!.harm).toBeLessThanOrEqual(16);
    expect(after!.harm).toBeGreaterThan(0);
  });
});

describe('a fast close', () => {
  const [before, after] = fastClose(1);

  it('ends the connection for whoever saw the keys pass', () => {
    expect(before).toMatchObject({ harm: 1, completed: false });
  });

  it('does nothing with keys that are guessed (RFC 8684 §3.5)', () => {
    expect(after).toMatchObject({ harm: 0, completed: true });
  });
});

describe('a REMOVE_ADDR of the other path’s address', () => {
  it('ends no subflow that is alive (RFC 8684 §3.4.2)', () => {
    expect(removeAddress(1)).toMatchObject({ harm: 0, completed: true });
  });
});

describe('a DATA_ACK of bytes that were never sent', () => {
  it('is not believed', () => {
    expect(dataAckBeyond(1)).toMatchObject({ harm: 0, completed: true });
  });
});

describe('an MP_PRIO with the address ID of another path', () => {
  it('draws all data to the attacker where version 0 heeds it, and does nothing as shipped', async () => {
    const report = await runExperiment(findExperiment('mp-prio-attack'), { parameters: { sizeBytes: 3e6 } });
    expect(report.checks.filter(({ pass }) => !pass)).toEqual([]);
    expect(
      report.rows.map(({ version, accepts, priorityChanges }) => [version, accepts, priorityChanges]),
    ).toEqual([
      [0, true, 0],
      [0, true, 1],
      [0, false, 0],
      [1, false, 0],
      [1, true, 0],
    ]);
  });
});
