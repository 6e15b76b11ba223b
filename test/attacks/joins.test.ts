/** Attacks on MP_JOIN (RFC 8684 §3.2, RFC 7430 §3 and §5), each without its defence and as shipped. */

import { describe, expect, it } from 'vitest';
import { joinFlood, joinReplay, runJoinFlood, tokenGuessing } from '../../src/experiments/index.js';

describe('tokens that are guessed', () => {
  const [before, after] = tokenGuessing(1);

  it('make a host without limits answer every guess', () => {
    expect(before!.harm).toBe(5000);
  });

  it('get rationed answers, no state, and hurt nobody', () => {
    expect(after).toMatchObject({ shipped: true, completed: true });
    expect(after!.harm).toBeLessThanOrEqual(200);
  });
});

describe('a flood of joins with a token that was overheard', () => {
  const [before, after] = joinFlood(1);

  it('grows without a limit on subflows', () => {
    expect(before!.harm).toBeGreaterThan(250);
  });

  it('holds no more than the limit, and the transfer goes on', () => {
    expect(after).toMatchObject({ harm: 7, completed: true });
  });

  it('does not keep the peer’s own path out once it is over', () => {
    expect(runJoinFlood(1, 8)).toMatchObject({ joined: true, completed: true });
  });

  it('of few SYNs does not keep the peer’s own path out at all', () => {
    expect(runJoinFlood(1, 8, 50)).toMatchObject({ joined: true, retries: 0, completed: true });
  });
});

describe('a join that was overheard', () => {
  const [before, after] = joinReplay(1);

  it('can be played back where nonces repeat', () => {
    expect(before!.harm).toBe(1);
  });

  it('is worth nothing against a new nonce', () => {
    expect(after).toMatchObject({ harm: 0, completed: true });
  });
});
