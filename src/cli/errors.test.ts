import { describe, expect, it } from 'vitest';
import { EnvironmentError, explain, FailureError, UsageError } from './errors.js';

describe('the one line for a person', () => {
  it('has the next step behind the message: as the end of its sentence, or as a sentence', () => {
    expect(explain(new UsageError("'x' is not a size", 'write it like 24M'))).toEqual({
      line: "'x' is not a size; write it like 24M",
      status: 2,
    });
    expect(explain(new EnvironmentError('the program lacks CAP_NET_RAW', 'Run as root.'))).toEqual({
      line: 'the program lacks CAP_NET_RAW. Run as root.',
      status: 3,
    });
  });

  it('is the message where there is no next step', () => {
    expect(explain(new FailureError('the path is blocked'))).toEqual({
      line: 'the path is blocked',
      status: 1,
    });
    expect(explain('thrown by hand')).toEqual({ line: 'thrown by hand', status: 1 });
  });
});
