import { describe, expect, it } from 'vitest';
import { schedulerNamed, schedulers } from '../scheduler/named.js';
import { pathManagerNamed, pathManagers } from './named.js';

describe('names', () => {
  it('are those that schedulers and path managers give themselves', () => {
    for (const name of Object.keys(pathManagers)) expect(pathManagerNamed(name)().name).toBe(name);
    for (const name of Object.keys(schedulers)) expect(schedulerNamed(name)().name).toBe(name);
  });

  it('that are unknown are errors that say which there are', () => {
    expect(() => pathManagerNamed('mesh')).toThrow(
      expect.objectContaining({
        code: 'ERR_SUBFLOW_UNKNOWN_NAME',
        hint: expect.stringContaining('full-mesh') as string,
      }),
    );
    expect(() => schedulerNamed('')).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_UNKNOWN_NAME' }));
  });
});
