import { describe, expect, it } from 'vitest';
import { SECOND } from '../../base/index.js';
import { HealthVote, maxVoters, observationLifeNs } from './health-vote.js';
import type { Observation } from './observation.js';

const says = (balancer: string, isHealthy: boolean, atNs = 0): Observation => ({
  ...{ balancer, atNs },
  servers: [{ id: 1, isHealthy, why: isHealthy ? '' : `${balancer} cannot reach it` }],
});

describe('what balancers say of a server together', () => {
  it('is what most of them say, and nothing when as many say the one as the other', () => {
    const vote = new HealthVote();
    expect(vote.healthOf(1).state).toBe('unknown');
    vote.take(0, says('a', true));
    expect(vote.healthOf(1)).toEqual({ state: 'up', why: '' });
    vote.take(0, says('b', false));
    expect(vote.healthOf(1).state).toBe('split');
    vote.take(0, says('c', false));
    expect(vote.healthOf(1)).toEqual({ state: 'down', why: 'b cannot reach it' });
    vote.forget('b');
    vote.take(0, says('c', true));
    expect(vote.healthOf(1).state).toBe('up');
    expect(vote.healthOf(2).state).toBe('unknown');
  });

  it('leaves out balancers that were not heard of for long, and what was overtaken', () => {
    const vote = new HealthVote();
    vote.take(0, says('a', false, 5));
    vote.take(1, says('a', true, 4));
    expect(vote.healthOf(1).state).toBe('down');
    vote.expire(observationLifeNs - 1);
    expect(vote.balancers()).toEqual([{ name: 'a', heardAtNs: 0 }]);
    vote.expire(observationLifeNs);
    expect(vote.healthOf(1).state).toBe('unknown');
  });

  it('listens to so many balancers and no more', () => {
    const vote = new HealthVote();
    for (let i = 0; i <= maxVoters; i++) vote.take(SECOND, says(`b${i}`, true));
    expect(vote.balancers()).toHaveLength(maxVoters);
  });
});
