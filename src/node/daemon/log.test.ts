import { describe, expect, it } from 'vitest';
import { Log, streamLog, type LogOptions } from './log.js';

/** A log whose lines and clock the test has. */
function capture(options: Partial<LogOptions> = {}): { log: Log; lines: string[]; clock: { ms: number } } {
  const lines: string[] = [];
  const clock = { ms: Date.UTC(2026, 0, 2, 3, 4, 5) };
  const log = new Log({
    sink: (line) => lines.push(line),
    format: 'json',
    nowMs: () => clock.ms,
    ...options,
  });
  return { log, lines, clock };
}

describe('the log of a balancer', () => {
  it('writes one JSON object a line, with time, level and the name of the event', () => {
    const { log, lines } = capture();
    log.warn('server-down', 'connection refused', { server: 3, why: 'two\nlines', unknown: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
    expect(JSON.parse(lines[0]!)).toEqual({
      time: '2026-01-02T03:04:05.000Z',
      level: 'warn',
      event: 'server-down',
      message: 'connection refused',
      server: 3,
      why: 'two\nlines',
    });
  });

  it('writes text for a terminal, without anything that moves its cursor', () => {
    const lines: string[] = [];
    const log = streamLog({ isTTY: true, write: (line) => lines.push(line) });
    log.info('generation', 'server 3\u001b[2J is\nback', { number: 7, reason: 'a b\u001b' });
    expect(lines[0]).toMatch(/ info {2}generation: server 3 \[2J is back number=7 reason="a b\\u001b"\n$/);
    const piped: string[] = [];
    streamLog({ write: (line) => piped.push(line) }).info('started', 'at work');
    expect(JSON.parse(piped[0]!)).toMatchObject({ event: 'started' });
  });

  it('leaves out what matters less than its level', () => {
    const { log, lines } = capture({ level: 'warn' });
    log.debug('started', 'no');
    log.info('started', 'no');
    log.error('fault', 'yes');
    expect(lines).toHaveLength(1);
  });

  it.each(['json', 'text'] as const)('shows no secret that a message quotes (%s)', (format) => {
    const { log, lines } = capture({ format });
    const seed = `SUAB${'A'.repeat(54)}`;
    const token = 'eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJYIn0.c2lnbmF0dXJl';
    log.warn('store-lost', `cannot reach nats://user:pa55word@store:4222 with ${seed}`, {
      url: 'tls://t0ken@store:4222',
      token,
    });
    for (const secret of ['pa55word', 'user', seed, 't0ken', token]) expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain('store:4222');
  });

  it('shows no part of a secret that is cut where a value gets too long', () => {
    const { log, lines } = capture();
    const token = 'eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJYIn0.c2lnbmF0dXJl';
    // The mark behind which a secret of a URL ends is past the limit; of a seed, most of it.
    log.warn('store-lost', `${'x'.repeat(970)} nats://user:pa55word@store:4222`, {
      why: `${'y'.repeat(980)} SUAB${'A'.repeat(54)}`,
      token: `${'z'.repeat(990)} ${token}`,
    });
    for (const part of ['pa55', 'user', 'SUAB', 'eyJ0']) expect(lines[0]).not.toContain(part);
  });

  it('rations lines that repeat themselves, for each server, and says how many it left out', () => {
    const { log, lines, clock } = capture();
    for (let i = 0; i < 100; i++) log.warn('server-down', `refused ${i}`, { server: 1 });
    log.warn('server-down', 'refused', { server: 2 });
    expect(lines).toHaveLength(6);
    clock.ms += 10_000;
    log.warn('server-down', 'refused', { server: 1 });
    expect(JSON.parse(lines[6]!)).toMatchObject({ server: 1, omittedLines: 95 });
    log.warn('server-down', 'refused', { server: 1 });
    expect(JSON.parse(lines[7]!)).not.toHaveProperty('omittedLines');
  });

  it('begins a new ration when the clock was set back', () => {
    const { log, lines, clock } = capture();
    for (let i = 0; i < 10; i++) log.warn('store-lost', 'gone');
    clock.ms -= 3_600_000;
    log.warn('store-lost', 'gone');
    expect(lines).toHaveLength(6);
  });

  it('cuts values that are too long, and keeps a bounded number of rations', () => {
    const { log, lines } = capture();
    log.info('config-loaded', 'x'.repeat(5000), { path: 'y'.repeat(5000) });
    expect(lines[0]!.length).toBeLessThan(2500);
    for (let server = 0; server < 5000; server++) log.info('server-up', 'back', { server });
    const { rations } = log as unknown as { rations: Map<string, unknown> };
    expect(rations.size).toBe(1024);
  });
});
