import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Finished, runSubflow } from '../../../test/support/subflow-command.js';

const folder = mkdtempSync(join(tmpdir(), 'subflow-balance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const simulate = (...args: string[]): Promise<Finished> =>
  runSubflow(folder, ['balance', 'simulate', ...args]);

describe('subflow balance', () => {
  it.each([
    ['simulate', '--help'],
    ['help', 'simulate'],
  ])('shows the help of a subcommand by %s %s', async (...args) => {
    const { status, out } = await runSubflow(folder, ['balance', ...args]);
    expect(status).toBe(0);
    expect(out).toContain('--connections <number>');
  });

  it('lists its subcommands', async () => {
    const { status, out } = await runSubflow(folder, ['balance', 'help']);
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}simulate +compare the designs$/m);
  });
});

describe('subflow balance simulate', () => {
  it('gives scripts one object with a row a design', async () => {
    const { status, out, err } = await simulate('--connections', '2000', '--seed', '3', '--json');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const { schema, rows } = JSON.parse(out) as { schema: string; rows: Record<string, unknown>[] };
    expect(schema).toBe('subflow/balance-simulate/1');
    expect(rows).toHaveLength(7);
    for (const row of rows) expect(row).toMatchObject({ connections: 2000, joins: 2000 });
    const beamer = rows.find(({ design }) => design === 'beamer');
    expect(beamer).toMatchObject({ brokenConnections: 0, brokenJoins: 0 });
  });

  it('gives a person a table', async () => {
    const { status, out } = await simulate('--connections', '1000', '--design', 'key-select');
    expect(status).toBe(0);
    expect(out).toMatch(/^design +connections +broken/);
    expect(out).toMatch(/^key-select +1000 +0 +1000 +0 +0\.0/m);
  });

  it.each([
    [['--design', 'round-robin'], /no design 'round-robin'; there are: .*beamer/],
    [['--connections', '0'], /whole number from 1/],
    [['--connections', '10000001'], /whole number from 1/],
    [['--seed', 'x'], /'x' is not/],
  ])('answers %j with one line and status 2', async (args, says) => {
    const { status, err } = await simulate(...args);
    expect(status).toBe(2);
    expect(err).toMatch(says);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});
