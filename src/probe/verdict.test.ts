/** The answer in one line where there is no answer: what was heard instead, in plain words. */
import { describe, expect, it } from 'vitest';
import { ProbeWorld } from '../../test/support/probe-world.js';
import { IpAddress } from '../wire/index.js';
import type { ScenarioResult } from './outcome.js';
import { judge } from './verdict.js';

const result = (more: Partial<ScenarioResult>): ScenarioResult => ({
  ...{ scenario: 'compliant', version: 1, reaction: 'unreachable', packets: [], unheard: 0 },
  ...more,
});

describe('a verdict cannot tell and says why', () => {
  it('where a RST answers', () => {
    const world = new ProbeWorld();
    const { address } = world.setup(1).target;
    expect(judge([world.run('compliant', 1, { target: { address, port: 81 } })])).toMatchObject({
      ...{ support: 'unknown', sentence: 'Cannot tell: the port is closed; a RST answers.' },
    });
  });

  it('where nobody answers, after a SYN without MPTCP was tried', () => {
    const world = new ProbeWorld();
    const target = { address: IpAddress.parse('10.0.0.77')!, port: 80 };
    const silent = world.run('compliant', 1, { target });
    expect(silent.control?.kind).toBe('silent');
    expect(judge([silent]).sentence).toBe('Cannot tell: no answer comes, to a SYN without MPTCP either.');
  });

  it('where a router says that there is no way, with its name for that', () => {
    const error = { type: 'unreachable', code: 1, quotedBytes: new Uint8Array(0) } as const;
    const opening = { kind: 'unreachable', by: IpAddress.parse('192.0.2.9')!, error } as const;
    expect(judge([result({ opening })]).sentence).toBe(
      'Cannot tell: 192.0.2.9 says that the target cannot be reached (ICMP unreachable, code 1).',
    );
  });

  it('where the bounds of the run came first', () => {
    expect(judge([result({ reaction: 'unfinished' })])).toMatchObject({
      support: 'unknown',
      sentence: 'Cannot tell: the bounds of the run ended it before there was an answer.',
    });
  });
});
