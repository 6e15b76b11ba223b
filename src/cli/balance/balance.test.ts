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

  it('gives the same bytes for the same seed, whichever thread is done first', async () => {
    const args = ['--connections', '3000', '--balancers', '3', '--route-flaps', '2', '--json'];
    const [first, second] = [await simulate(...args), await simulate(...args)];
    expect(first).toMatchObject({ status: 0, err: '' });
    expect(second.out).toBe(first.out);
  });

  it('lets servers and routes do what it is told, and says what each event broke', async () => {
    const events = [
      '--events',
      'drain,add:2,flap,lose',
      '--interval',
      '1s',
      '--weights',
      '1,3',
      '--joins',
      '2',
    ];
    const { status, out } = await simulate('--connections', '1000', '--balancers', '2', ...events, '--json');
    expect(status).toBe(0);
    const { rows } = JSON.parse(out) as { rows: { joins: number; events: { event: string }[] }[] };
    expect(rows[0]!.joins).toBe(2000);
    const names = rows[0]!.events.map(({ event }) => event);
    expect(names).toEqual(['start', 'drain', 'add:2', 'flap', 'lose']);
  });

  it('shows a person what each event broke, and what balancers told each other', async () => {
    const args = ['--balancers', '2', '--events', 'flap', '--missed-tokens', '50%', '--design', 'token-map'];
    const { status, out } = await simulate('--connections', '1000', ...args);
    expect(status).toBe(0);
    expect(out).toMatch(/^design .* tokens shared +missed$/m);
    expect(out).toMatch(/^design +start +flap$/m);
  });

  it.each([
    [['--events', 'rain'], /'rain' is no event; there are: add, drain/],
    [['--events', 'add:0'], /'0' is not a whole number from 1 to 255/],
    [['--events', 'add@3'], /add is not about one server/],
    [['--events', 'drain@99'], /cannot drain server 99/],
    [['--events', 'kill:10'], /cannot kill the last server that is up; begin with more/],
    [['--route-flaps', '1'], /routes flap between balancers/],
    [['--weights', '1,,2'], /'' is not a whole number/],
    [['--joins', '7', '--connections', '9000000'], /more than 33554432 subflows; fewer/],
    [['--missed-tokens', '2'], /not a share from 0 to 1/],
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
