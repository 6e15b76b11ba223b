import { afterEach, describe, expect, it, vi } from 'vitest';
import { untilSignal } from './until-signal.js';

/** Settles when it is told to end. */
function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve('in good order')));
}

describe('work that a signal ends', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    process.removeAllListeners('SIGHUP');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'closes what it opened at %s, and ends by that',
    async (name) => {
      const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
      const work = untilSignal(untilAborted);
      process.emit(name, name);
      expect(await work).toBe('in good order');
      expect(kill.mock.calls).toEqual([[process.pid, name]]);
      expect(process.listenerCount(name)).toBe(0);
    },
  );

  it('goes on at SIGHUP where the work has a use of its own for that', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    let reloads = 0;
    process.on('SIGHUP', () => reloads++);
    const work = untilSignal(untilAborted);
    process.emit('SIGHUP', 'SIGHUP');
    expect(reloads).toBe(1);
    process.emit('SIGTERM', 'SIGTERM');
    await work;
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']]);
  });
});
