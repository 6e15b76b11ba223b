/** Windows that are closed or full, counted from packets: how often, how long, and whose ACKs were awaited (RFC 8684 §3.3.4). */
import { MILLISECOND, SECOND } from '../../src/base/index.js';
import { describe, expect, it } from 'vitest';
import type { ConnectionReport } from '../../src/trace/index.js';
import { ScriptedConnection, TraceScript } from '../support/trace-script.js';

function connectionOf(make: (connection: ScriptedConnection, script: TraceScript) => void): ConnectionReport {
  const script = new TraceScript();
  make(new ScriptedConnection(script).open(), script);
  return script.report().connections[0]!;
}

describe('a window of zero', () => {
  it('is counted each time that it closes, with the time until it opens and the frame that closed it', () => {
    const { subflows } = connectionOf((connection, script) => {
      for (const closedMs of [100, 250]) {
        connection.transfer('server', 0, 1);
        connection.ack('client', 0, 0);
        script.wait(closedMs * MILLISECOND);
        connection.ack('client', 0, 0);
        connection.ack('client', 0);
      }
    });
    const { zeroWindows, zeroWindowNs, zeroWindowFrames } = subflows[0]!.clientToServer;
    expect({ zeroWindows, zeroWindowNs }).toEqual({ zeroWindows: 2, zeroWindowNs: 350 * MILLISECOND });
    expect(zeroWindowFrames).toEqual([6, 11]);
    expect(subflows[0]!.serverToClient.zeroWindows).toBe(0);
  });

  it('that does not open lasts to the last packet', () => {
    const { subflows } = connectionOf((connection, script) => {
      connection.transfer('server', 0, 1);
      connection.ack('client', 0, 0);
      script.wait(SECOND);
      connection.ack('server', 0);
    });
    expect(subflows[0]!.clientToServer).toMatchObject({ zeroWindows: 1, zeroWindowNs: SECOND });
  });

  it('in a reset is none', () => {
    const { subflows } = connectionOf((connection) => {
      connection.transfer('server', 0, 1);
      connection.subflows[0]!.send('client', { flags: 4 | 16, window: 0 });
    });
    expect(subflows[0]!.clientToServer.zeroWindows).toBe(0);
  });
});

describe('a receive window that is full', () => {
  /** Room for 10 segments, of which subflow 1 carries the first; it is acknowledged after `waitMs`. */
  function filled(waitMs: number, window = 10_000): ConnectionReport {
    return connectionOf((connection, script) => {
      connection.join();
      connection.transfer('server', 0, 1);
      connection.subflows[0]!.send('client', { options: [], window: 0 });
      const scaled = Math.ceil(window / 128);
      connection.ack('client', 0, scaled);
      connection.data('server', 1, 1000);
      for (let i = 0; i < 9; i++) connection.data('server', 0, 1000);
      script.wait(waitMs * MILLISECOND);
      connection.ack('client', 0, scaled);
      for (let i = 0; i < 3; i++) connection.transfer('server', 0, 1);
    });
  }

  it('blocks from the segment that fills it to the ACK that makes room, and the first byte without one tells by whom', () => {
    // The windows before were larger, and what they allowed stays allowed.
    const open = filled(300).serverData;
    expect(open).toMatchObject({ windowBlockedNs: 0, windowBlockedBy: [], windowBlockedFrames: [] });
    const script = new TraceScript();
    const connection = new ScriptedConnection(script).open();
    connection.join();
    const small = 80;
    for (const index of [0, 1]) connection.ack('client', index, small);
    connection.data('server', 1, 1000);
    for (let i = 0; i < 9; i++) connection.data('server', 0, 1000);
    // Nine segments of 1000 bytes leave no room for a full one, of 1400.
    const full = script.frame - 1;
    script.wait(300 * MILLISECOND);
    connection.ack('client', 0, small);
    connection.data('server', 0, 1000);
    const { serverData } = script.report().connections[0]!;
    expect(serverData.windowBlockedNs).toBe(300 * MILLISECOND);
    expect(serverData.windowBlockedBy).toEqual([{ subflow: 1, ns: 300 * MILLISECOND }]);
    expect(serverData.windowBlockedFrames).toEqual([full]);
  });

  it('is none while there is room for a whole segment', () => {
    expect(filled(300, 60_000).serverData.windowBlockedNs).toBe(0);
  });
});
