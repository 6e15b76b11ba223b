import { describe, expect, it } from 'vitest';
import { maxSeries, Metrics } from './metrics.js';

describe('metrics of a command', () => {
  it('are told in the text format of Prometheus, with help, type and labels', () => {
    const metrics = new Metrics();
    const clients = metrics.counter('a_clients_total', 'Clients,\nby \\outcome.', ['outcome', 'family']);
    const connections = metrics.gauge('a_connections', 'Connections.');
    clients.add(2, { outcome: 'served', family: '4' });
    clients.of({ outcome: 'say "no"\\\n', family: '6' }).value++;
    connections.set(7);
    connections.add(-2);
    metrics.observe('a_rate', 'A rate.', () => Number.POSITIVE_INFINITY);
    metrics.observe('a_bytes_total', 'Bytes.', () => 1e21);
    expect(metrics.text()).toBe(
      [
        '# HELP a_clients_total Clients,\\nby \\\\outcome.',
        '# TYPE a_clients_total counter',
        'a_clients_total{outcome="served",family="4"} 2',
        'a_clients_total{outcome="say \\"no\\"\\\\\\n",family="6"} 1',
        '# HELP a_connections Connections.',
        '# TYPE a_connections gauge',
        'a_connections 5',
        '# HELP a_rate A rate.',
        '# TYPE a_rate gauge',
        'a_rate +Inf',
        '# HELP a_bytes_total Bytes.',
        '# TYPE a_bytes_total counter',
        'a_bytes_total 1e+21',
        '',
      ].join('\n'),
    );
  });

  it('have a bounded number of series, whoever chooses the labels: what is beyond is counted as other', () => {
    const metrics = new Metrics();
    const requests = metrics.counter('requests_total', 'Requests.', ['client']);
    for (let i = 0; i < 10 * maxSeries; i++) requests.add(1, { client: `${i}`.padEnd(1000, 'x') });
    metrics.observeEach('sizes', 'Sizes.', ['client'], () =>
      Array.from({ length: 2 * maxSeries }, (_, i) => [{ client: `${i}` }, 1] as const),
    );
    const lines = metrics.text().split('\n');
    expect(lines.filter((line) => line.startsWith('requests_total'))).toHaveLength(maxSeries + 1);
    expect(lines).toContain(`requests_total{client="other"} ${9 * maxSeries}`);
    expect(lines).toContain(`sizes{client="other"} ${maxSeries}`);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(400);
  });

  it.each([
    ['Clients', []],
    ['1_clients', []],
    ['there', []],
    ['clients', ['Label']],
    ['clients', ['__name']],
    ['', []],
  ])('have names that Prometheus takes, each once: not %j with labels %j', (name, labels) => {
    const metrics = new Metrics();
    metrics.gauge('there', '');
    expect(() => metrics.gauge(name, '', labels)).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_METRIC' }),
    );
    expect(() => metrics.counter('a_number', '')).toThrow(/ends in _total/);
  });
});
