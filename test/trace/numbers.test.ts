/** Numbers of connections: what `--connection` names is the same with and without plain TCP. */
import { describe, expect, it } from 'vitest';
import { Attribution, type TraceOptions } from '../../src/trace/index.js';
import { ScriptedConnection, TraceScript } from '../support/trace-script.js';

function plain(script: TraceScript, port: number): void {
  const connection = new ScriptedConnection(script, { port });
  connection.three(connection.stream());
  connection.subflows[0]!.send('client', { payload: new Uint8Array(100) });
}

function multipath(script: TraceScript, port: number): void {
  new ScriptedConnection(script, { port }).open().data('client', 0, 300);
}

/** Plain TCP, Multipath TCP, plain TCP, Multipath TCP, in this order. */
function mixed(options: TraceOptions): TraceScript {
  const script = new TraceScript(options);
  plain(script, 1001);
  multipath(script, 1002);
  plain(script, 1003);
  multipath(script, 1004);
  return script;
}

function numbersOf(script: TraceScript): (readonly [id: number, client: string])[] {
  return script.report().connections.map(({ id, client }) => [id, client] as const);
}

describe('the numbers of connections', () => {
  const ofMultipath = [
    [0, '10.0.0.1:1002'],
    [1, '10.0.0.1:1004'],
  ];

  it('are those of Multipath TCP first, as mptcp.stream has them, and are the same where plain TCP is reported too', () => {
    expect(numbersOf(mixed({}))).toEqual(ofMultipath);
    expect(numbersOf(mixed({ includesPlain: true }))).toEqual([
      ...ofMultipath,
      [2, '10.0.0.1:1001'],
      [3, '10.0.0.1:1003'],
    ]);
  });

  it('are the same each time they are asked for, and while the capture grows only those of plain TCP move on', () => {
    const script = mixed({ includesPlain: true });
    expect(numbersOf(script)).toEqual(numbersOf(script));
    multipath(script, 1005);
    expect(numbersOf(script).slice(0, 3)).toEqual([...ofMultipath, [2, '10.0.0.1:1005']]);
    expect(numbersOf(script).map(([id]) => id)).toEqual([0, 1, 2, 3, 4]);
  });

  it('of plain connections that were forgotten on the way come in the order in which they began', () => {
    const script = new TraceScript({ includesPlain: true, limits: { maxStreams: 8 } });
    for (let port = 2000; port < 2020; port++) plain(script, port);
    multipath(script, 1002);
    const numbers = numbersOf(script);
    expect(numbers[0]).toEqual([0, '10.0.0.1:1002']);
    expect(numbers).toHaveLength(21);
    expect(numbers.map(([id]) => id)).toEqual(numbers.map((_, index) => index));
    expect(numbers.slice(1).map(([, client]) => Number(client.split(':')[1]))).toEqual(
      Array.from({ length: 20 }, (_, index) => 2000 + index),
    );
  });

  it('is that of Multipath TCP for a connection whose DSS shows only later that it is one', () => {
    const script = new TraceScript({ includesPlain: true });
    plain(script, 1001);
    const connection = new ScriptedConnection(script, { port: 1002 });
    const subflow = connection.stream();
    // Its handshake is not in the capture, and its first packet has no option.
    subflow.send('client');
    connection.data('client', 0, 300);
    expect(numbersOf(script)).toEqual([
      [0, '10.0.0.1:1002'],
      [1, '10.0.0.1:1001'],
    ]);
  });

  it('are told of packets when the capture is read a second time', () => {
    const { connections } = mixed({ includesPlain: true }).report();
    const attribution = new Attribution(connections);
    const seen = new Map<string, number>();
    const again = new TraceScript({ includesPlain: true });
    const handle = again.analyzer.handle.bind(again.analyzer);
    again.analyzer.handle = (packet, vantage) => {
      const observation = handle(packet, vantage)!;
      expect(attribution.attribute(observation)).toBe(true);
      seen.set(`${observation.stream}`, observation.connection);
      return observation;
    };
    plain(again, 1001);
    multipath(again, 1002);
    plain(again, 1003);
    multipath(again, 1004);
    expect([...seen]).toEqual([
      ['0', 2],
      ['1', 0],
      ['2', 3],
      ['3', 1],
    ]);
  });
});
