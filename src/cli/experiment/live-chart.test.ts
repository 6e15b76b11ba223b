import { describe, expect, it } from 'vitest';
import { FakeTerminal } from '../../../test/support/fake-terminal.js';
import { SECOND } from '../../base/index.js';
import { describeWith, hasTool } from '../../../test/support/with-rights.js';
import { runInTerminal } from '../../../test/support/terminal-command.js';
import type { FinishedTrial } from '../../experiments/index.js';
import type { Figure } from '../../plot/index.js';
import { LiveChart, mayShowCharts, waitText } from './live-chart.js';
import { Screen } from './screen.js';

/** A bar for each trial that is done. */
function live(finished: readonly FinishedTrial<string, number>[]): Figure {
  return {
    ...{ kind: 'bars', title: 'So far', caption: '', x: { label: 'trial' }, y: { label: 'value' } },
    categories: finished.map(({ input }) => input),
    groups: [{ name: 'value', values: finished.map(({ output }) => output) }],
  };
}

/** A chart on a terminal of that size, with a clock that is set by hand. */
function chartOn(columns: number, rows: number) {
  const terminal = new FakeTerminal(columns, rows);
  const clock = { ns: 0 };
  const chart = new LiveChart(live, { stream: terminal, hasColor: false, now: () => clock.ns });
  terminal.write('$ subflow\r\n');
  return { terminal, clock, chart };
}

const a = { input: 'a', output: 2 };
const b = { input: 'b', output: 1 };

describe('the chart of an experiment that runs', () => {
  it('is drawn over itself with every trial that is done, with how long the rest will take', async () => {
    const { terminal, clock, chart } = chartOn(41, 12);
    await chart.step(0, 4, 'trial a');
    expect(terminal.lines).toEqual(['$ subflow', '  0 %  0 of 4, 0 s  trial a']);
    clock.ns = 30 * SECOND;
    chart.watch([a]);
    expect(terminal.lines).toEqual([
      '$ subflow',
      'So far',
      'a ████████████████████████████████████ 2',
      ' 25 %  1 of 4, 30 s, about 1 min 30 s le',
    ]);
    clock.ns = 40 * SECOND;
    chart.watch([a, b]);
    expect(terminal.lines).toEqual([
      '$ subflow',
      'So far',
      'a ████████████████████████████████████ 2',
      'b ██████████████████ 1',
      ' 50 %  2 of 4, 40 s, about 40 s left  tr',
    ]);
  });

  it('is gone at the end, and the cursor where it was', async () => {
    const { terminal, clock, chart } = chartOn(60, 20);
    await chart.step(0, 2, 'trial a');
    clock.ns = SECOND;
    chart.watch([a, b]);
    chart.end();
    expect(terminal.lines).toEqual(['$ subflow']);
    terminal.write('the result');
    expect(terminal.lines).toEqual(['$ subflow', 'the result']);
    chart.end();
    expect(terminal.lines).toEqual(['$ subflow', 'the result']);
  });

  it('is not drawn more often than five times a second', () => {
    const { terminal, clock, chart } = chartOn(60, 20);
    chart.watch([a]);
    clock.ns = SECOND / 10;
    chart.watch([a, b]);
    expect(terminal.lines.join()).not.toContain('b █');
    clock.ns = SECOND / 5;
    chart.refresh();
    expect(terminal.lines.join()).toContain('b █');
  });

  it.each([
    [40, 30],
    [80, 11],
  ])('is the line of progress alone where there are %d columns and %d rows', async (columns, rows) => {
    const { terminal, clock, chart } = chartOn(columns, rows);
    await chart.step(0, 2, 'trial a');
    clock.ns = SECOND;
    chart.watch([a]);
    expect(terminal.lines).toHaveLength(2);
    expect(terminal.lines[1]).toMatch(/^ 50 % {2}1 of 2, 1 s, about 1 s left/);
  });

  it('is the line of progress alone while there is nothing that can be drawn', () => {
    const { terminal, chart } = chartOn(60, 20);
    chart.watch([{ input: 'a', output: Number.NaN }]);
    expect(terminal.lines).toHaveLength(2);
    expect(terminal.lines[1]).toContain(' %  1 of ');
  });

  it('begins anew when other trials run together', async () => {
    const { terminal, clock, chart } = chartOn(60, 20);
    await chart.step(0, 2, 'first');
    clock.ns = 10 * SECOND;
    chart.watch([a]);
    clock.ns = 20 * SECOND;
    await chart.step(0, 3, 'second');
    expect(terminal.lines).toEqual(['$ subflow', '  0 %  0 of 3, 0 s  second']);
  });

  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [60, '1 min 0 s'],
    [3725, '1 h 2 min'],
  ])('says %d s as %s', (seconds, text) => {
    expect(waitText(seconds * SECOND)).toBe(text);
  });
});

describe('lines that are drawn over themselves', () => {
  it('are taken away where the terminal has become narrower and broke them in two', () => {
    const terminal = new FakeTerminal(20, 10);
    const screen = new Screen(terminal);
    terminal.write('$\r\n');
    screen.draw(['0123456789abcde', 'x']);
    terminal.resize(10);
    expect(terminal.lines).toEqual(['$', '0123456789', 'abcde', 'x']);
    screen.draw(['y']);
    expect(terminal.lines).toEqual(['$', 'y']);
    screen.clear();
    expect(terminal.lines).toEqual(['$']);
  });

  it('take colours for no room', () => {
    const terminal = new FakeTerminal(10, 10);
    const screen = new Screen(terminal);
    screen.draw(['\x1b[34m012345678\x1b[39m', 'x']);
    screen.draw(['y', 'z']);
    expect(terminal.lines).toEqual(['y', 'z']);
  });
});

describe('a terminal', () => {
  const utf8 = { TERM: 'xterm-256color', LANG: 'C.UTF-8' };
  const terminal = { isTTY: true, write: () => true };

  it.each([
    ['with UTF-8', utf8, true],
    ['that does not say its characters', { TERM: 'xterm' }, true],
    ['that is dumb', { ...utf8, TERM: 'dumb' }, false],
    ['that does not say what it is', { LANG: 'C.UTF-8' }, false],
    ["that is Linux's console", { ...utf8, TERM: 'linux' }, false],
    ['without UTF-8', { ...utf8, LC_ALL: 'C' }, false],
    ['whose LC_CTYPE has UTF-8', { TERM: 'xterm', LC_CTYPE: 'en_GB.utf8', LANG: 'C' }, true],
  ])('%s: whether it shows charts', (_name, environment, shows) => {
    expect(mayShowCharts(terminal, environment)).toBe(shows);
  });

  it('is none where the stream is a pipe', () => {
    expect(mayShowCharts({ ...terminal, isTTY: false }, utf8)).toBe(false);
  });
});

const experiment = [
  ...['experiment', 'run', 'receive-window', '--no-figures', '--no-linux', '--runs', '1', '--warm-up', '0s'],
  ...['--min-window', '50k', '--max-window', '50k'],
];
const quick = [...experiment, '--duration', '1s'];

describeWith('an experiment on a real terminal', [hasTool('script')], () => {
  const environment = { TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '' };

  it('shows the chart while it runs, and leaves its result alone', async () => {
    const { raw, shown } = await runInTerminal(quick, { columns: 90, rows: 30, environment });
    expect(raw).toMatch(/[⠁-⣿]/u);
    expect(raw).toContain('\x1b[34m');
    expect(shown[0]).toMatch(/^Goodput against the receive window/);
    expect(shown.join('\n')).not.toMatch(/[⠁-⣿]|so far| left/u);
  });

  it('has no colours where NO_COLOR is set', async () => {
    const { raw } = await runInTerminal(quick, {
      ...{ columns: 90, rows: 30, environment: { ...environment, NO_COLOR: '1' } },
    });
    expect(raw).toMatch(/[⠁-⣿]/u);
    expect(raw).not.toContain('\x1b[34m');
  });

  it('has the line of progress where the terminal is dumb', async () => {
    const { raw } = await runInTerminal(quick, {
      ...{ columns: 90, rows: 30, environment: { ...environment, TERM: 'dumb' } },
    });
    expect(raw).not.toMatch(/[⠁-⣿]/u);
    expect(raw).toMatch(/\d+ % {2}tcp-wifi/);
  });

  it('takes the chart away at SIGINT, and ends as the shell expects', async () => {
    const { raw, shown, status } = await runInTerminal(
      [...experiment, '--duration', '600s', '--runs', '40'],
      {
        ...{ columns: 90, rows: 30, environment },
        interruptAt: / of \d+, /,
      },
    );
    expect(raw).toMatch(/ of \d+, /);
    expect(shown).toEqual([]);
    expect(status).toBe(130);
  });
});
