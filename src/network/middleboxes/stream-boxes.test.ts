import { describe, expect, it } from 'vitest';
import { countingBytes } from '../../../test/simulation/packets.js';
import { BoxRun, type BoxOutput, optionBytes } from '../../../test/support/box-run.js';
import { NEVER, SeededRandom } from '../../base/index.js';
import { TcpFlag, type TcpOption } from '../../wire/index.js';
import { Coalescing } from './coalescing.js';
import { DataInjection } from './data-injection.js';
import { InOrderHolding } from './in-order-holding.js';
import { OffloadResegmentation } from './offload.js';
import { PayloadRewriting } from './payload-rewriting.js';
import { SequenceRewriting } from './sequence-rewriting.js';
import { Splitting } from './splitting.js';
import { StreamEditing } from './stream-editing.js';

const addAddr = (id: number): TcpOption => ({
  kind: 'mptcp',
  option: { subtype: 'REMOVE_ADDR', addressIds: [id] },
});
const sack = (left: number, right: number): TcpOption => ({ kind: 'sack', blocks: [{ left, right }] });
const idOf = ({ tcp }: BoxOutput): number =>
  tcp.mptcpCount === 0 ? -1 : tcp.bytes[tcp.mptcpOffsets[0]! + 3]!;
const shape = ({ payload, tcp }: BoxOutput): [number, number] => [tcp.seq, payload.length];
const seqOf = ({ tcp }: BoxOutput): number => tcp.seq;

describe.each([4, 6] as const)('IPv%i', (family) => {
  it('SequenceRewriting moves numbers, acknowledgements and SACK blocks so that both ends agree', () => {
    const run = new BoxRun(new SequenceRewriting(new SeededRandom(1)), family);
    const [syn, synAck] = run.handshake();
    const outward = (syn!.tcp.seq - 100) | 0;
    const inward = (synAck!.tcp.seq - 500) | 0;
    expect(outward).not.toBe(0);
    expect(inward).not.toBe(outward);
    expect(synAck!.tcp.ack).toBe((101 - outward) >>> 0);
    const options = optionBytes(sack((701 + inward) >>> 0, (801 + inward) >>> 0));
    const [out] = run.send('outward', { seq: 101, ack: (501 + inward) >>> 0, options });
    expect(out!.tcp.seq).toBe((101 + outward) >>> 0);
    expect(out!.tcp.ack).toBe(501);
    expect([...out!.tcp.sackEdges.subarray(0, 2)]).toEqual([701, 801]);
  });

  it('SequenceRewriting keeps super-segments whole', () => {
    const run = new BoxRun(new SequenceRewriting(new SeededRandom(1)), family);
    run.handshake();
    expect(
      run
        .send('outward', { seq: 101, payload: countingBytes(3000) }, 0, 1000)
        .map(({ payload }) => payload.length),
    ).toEqual([3000]);
  });

  it('StreamEditing makes a stream longer and moves what follows, both ways', () => {
    const box = new StreamEditing({ atByte: 5, insert: Uint8Array.of(200, 201), direction: 'outward' });
    const run = new BoxRun(box, family);
    run.handshake();
    const [first] = run.send('outward', { seq: 101, payload: countingBytes(10) });
    expect([...first!.payload]).toEqual([0, 1, 2, 3, 4, 200, 201, 5, 6, 7, 8, 9]);
    expect(run.send('outward', { seq: 111, payload: countingBytes(3) }).map(shape)).toEqual([[113, 3]]);
    const ackOf = (ack: number): number => run.send('inward', { seq: 501, ack })[0]!.tcp.ack;
    // Up to the place, within what was inserted, and behind it.
    expect([106, 107, 108, 109, 113, 116].map(ackOf)).toEqual([106, 106, 106, 107, 111, 114]);
    const [blocks] = run.send('inward', { seq: 501, ack: 106, options: optionBytes(sack(113, 116)) });
    expect([...blocks!.tcp.sackEdges.subarray(0, 2)]).toEqual([111, 114]);
  });

  it('StreamEditing makes a stream shorter, and acknowledges what it cut out once it has come by', () => {
    const run = new BoxRun(new StreamEditing({ atByte: 5, removeBytes: 3 }), family);
    run.handshake();
    const ackOf = (ack: number): number => run.send('inward', { seq: 501, ack })[0]!.tcp.ack;
    const [first] = run.send('outward', { seq: 101, payload: countingBytes(6) });
    expect([...first!.payload]).toEqual([0, 1, 2, 3, 4]);
    expect(ackOf(106)).toBe(106);
    const [second] = run.send('outward', { seq: 107, payload: countingBytes(6, 6) });
    expect([...second!.payload]).toEqual([8, 9, 10, 11]);
    expect(second!.tcp.seq).toBe(106);
    expect(ackOf(106)).toBe(109);
    expect(ackOf(110)).toBe(113);
  });

  it('Coalescing merges two segments that continue each other, with the options of the one it keeps', () => {
    for (const keeps of ['first', 'last'] as const) {
      const box = new Coalescing({ keeps, holdNs: 10 });
      const run = new BoxRun(box, family);
      expect(
        run.send('outward', { seq: 1, payload: countingBytes(5), options: optionBytes(addAddr(1)) }),
      ).toEqual([]);
      const flags = TcpFlag.ACK | TcpFlag.PSH;
      const [out] = run.send('outward', {
        seq: 6,
        payload: countingBytes(5, 5),
        options: optionBytes(addAddr(2)),
        flags,
      });
      expect([...out!.payload]).toEqual([...countingBytes(10)]);
      expect([out!.tcp.seq, out!.tcp.flags, idOf(out!)]).toEqual([1, flags, keeps === 'first' ? 1 : 2]);
      expect(box.merged).toBe(1);
    }
  });

  it('Splitting cuts a segment, with the options on every piece or on the first', () => {
    const send = (optionsOn: 'every' | 'first') =>
      new BoxRun(new Splitting({ pieceBytes: 4, optionsOn }), family).send('outward', {
        seq: 7,
        payload: countingBytes(10),
        options: optionBytes(addAddr(3)),
      });
    expect(send('every').map((piece) => [...shape(piece), idOf(piece)])).toEqual([
      [7, 4, 3],
      [11, 4, 3],
      [15, 2, 3],
    ]);
    expect(send('first').map(idOf)).toEqual([3, -1, -1]);
  });

  it('PayloadRewriting changes the bytes that it is told to, again when they are sent again', () => {
    const run = new BoxRun(new PayloadRewriting({ fromByte: 3, everyBytes: 4 }), family);
    run.handshake();
    const sent = (seq: number) => [...run.send('outward', { seq, payload: new Uint8Array(6) })[0]!.payload];
    expect(sent(101)).toEqual([0, 0, 0, 32, 0, 0]);
    expect(sent(107)).toEqual([0, 32, 0, 0, 0, 32]);
    expect(sent(101)).toEqual([0, 0, 0, 32, 0, 0]);
  });
});

describe('StreamEditing', () => {
  it('puts what it inserts into a segment of its own, without options', () => {
    const insert = Uint8Array.of(200, 201);
    const run = new BoxRun(new StreamEditing({ atByte: 5, insert, placement: 'own-segment' }));
    run.handshake();
    const sent = run.send('outward', {
      seq: 101,
      payload: countingBytes(10),
      options: optionBytes(addAddr(1)),
    });
    expect(sent.map((one) => [...shape(one), idOf(one)])).toEqual([
      [101, 5, 1],
      [106, 2, -1],
      [108, 5, 1],
    ]);
  });

  it('cuts a segment that became too long for the path', () => {
    const run = new BoxRun(new StreamEditing({ atByte: 5, insert: new Uint8Array(50), mtu: 500 }));
    run.handshake();
    const sent = run.send('outward', { seq: 101, payload: countingBytes(440) });
    expect(sent.map(shape)).toEqual([
      [101, 380],
      [481, 110],
    ]);
  });

  it('refuses places and lengths out of range', () => {
    expect(() => new StreamEditing({ atByte: 0 })).toThrow(/byte 1/);
    expect(() => new StreamEditing({ insert: new Uint8Array(3), removeBytes: 3 })).toThrow(/not both/);
  });
});

describe('SequenceRewriting', () => {
  it('may forget SACK blocks, which then name what the sender never sent', () => {
    const run = new BoxRun(new SequenceRewriting(new SeededRandom(1), { rewritesSack: false }));
    run.handshake();
    const [out] = run.send('outward', { seq: 101, ack: 1, options: optionBytes(sack(701, 801)) });
    expect([...out!.tcp.sackEdges.subarray(0, 2)]).toEqual([701, 801]);
  });

  it('leaves a flow alone whose SYN it did not see', () => {
    expect(
      new BoxRun(new SequenceRewriting(new SeededRandom(1))).send('outward', { seq: 5 })[0]!.tcp.seq,
    ).toBe(5);
  });
});

describe('Coalescing', () => {
  it('lets a segment go when none follows in time, or when one follows that does not continue it', () => {
    const run = new BoxRun(new Coalescing({ keeps: 'first', holdNs: 10 }));
    run.send('outward', { seq: 1, payload: countingBytes(5) });
    expect(run.box.pollTimeout()).toBe(10);
    expect(run.wake(10).map(seqOf)).toEqual([1]);
    expect(run.box.pollTimeout()).toBe(NEVER);
    run.send('outward', { seq: 1, payload: countingBytes(5) });
    expect(run.send('outward', { seq: 100, payload: countingBytes(5) }).map(seqOf)).toEqual([1]);
    expect(run.send('outward', { seq: 105, flags: TcpFlag.ACK }).map(seqOf)).toEqual([100, 105]);
  });

  it('holds no more than it may', () => {
    const run = new BoxRun(new Coalescing({ keeps: 'first', maxHeld: 2 }));
    const out = [1, 2, 3].flatMap((port) =>
      run.send('outward', { sourcePort: port, payload: countingBytes(5) }, port),
    );
    expect(out.map(({ tcp }) => tcp.sourcePort)).toEqual([1]);
  });

  it('makes room by a smaller segment size', () => {
    const run = new BoxRun(new Coalescing({ keeps: 'last' }));
    expect(run.handshake([{ kind: 'mss', mss: 1460 }])[0]!.tcp.mss).toBe(690);
  });
});

describe('OffloadResegmentation', () => {
  it('merges segments with the same options and cuts them anew, the options on every piece', () => {
    const box = new OffloadResegmentation({ pieceBytes: 6, holdNs: 10 });
    const run = new BoxRun(box);
    const options = optionBytes(addAddr(1));
    run.send('outward', { seq: 1, payload: countingBytes(5), options });
    run.send('outward', { seq: 6, payload: countingBytes(5, 5), options });
    run.send('outward', { seq: 11, payload: countingBytes(5, 10), options: optionBytes(addAddr(2)) });
    const pieces = run.wake(box.pollTimeout());
    expect(pieces.map((piece) => [...shape(piece), idOf(piece)])).toEqual([
      [1, 6, 1],
      [7, 4, 1],
      [11, 5, 2],
    ]);
    expect(box.merged).toBe(1);
  });

  it('lets go early when it has collected as much as it may', () => {
    const run = new BoxRun(new OffloadResegmentation({ maxHeld: 2 }));
    expect(run.send('outward', { seq: 1 })).toEqual([]);
    expect(run.send('outward', { seq: 1 })).toHaveLength(2);
  });
});

describe('DataInjection', () => {
  it('sends bytes of its own before the true ones, once in each direction', () => {
    const run = new BoxRun(new DataInjection({ afterBytes: 5, data: Uint8Array.of(9, 9, 9) }));
    const send = () => run.send('outward', { seq: 7, payload: countingBytes(4) });
    expect(send()).toHaveLength(1);
    expect(send().map(shape)).toEqual([
      [7, 3],
      [7, 4],
    ]);
    expect(send()).toHaveLength(1);
  });
});

describe('InOrderHolding', () => {
  it('lets nothing behind a hole pass until the hole is filled', () => {
    const run = new BoxRun(new InOrderHolding());
    run.handshake();
    expect(run.send('outward', { seq: 111, payload: countingBytes(10) })).toEqual([]);
    expect(run.send('outward', { seq: 121, payload: countingBytes(10) })).toEqual([]);
    expect(run.send('outward', { seq: 101, payload: countingBytes(10) }).map(seqOf)).toEqual([101, 111, 121]);
    expect(run.box.pollTimeout()).toBe(NEVER);
  });

  it('gives up a hole after a while, and when too much waits behind it', () => {
    const run = new BoxRun(new InOrderHolding({ patienceNs: 10, maxHeld: 2 }));
    run.handshake();
    run.send('outward', { seq: 111, payload: countingBytes(10) }, 5);
    expect(run.box.pollTimeout()).toBe(15);
    expect(run.wake(15).map(seqOf)).toEqual([111]);
    const sent = [201, 211, 221].flatMap((seq) => run.send('outward', { seq, payload: countingBytes(10) }));
    expect(sent.map(seqOf)).toEqual([201, 211, 221]);
  });
});

describe('a super-segment', () => {
  it('is cut into what the wire would carry before a box looks at the stream', () => {
    const run = new BoxRun(new PayloadRewriting({ fromByte: 5 }));
    run.handshake();
    const out = run.send('outward', { seq: 101, payload: new Uint8Array(10) }, 0, 4);
    expect(out.map(shape)).toEqual([
      [101, 4],
      [105, 4],
      [109, 2],
    ]);
    expect([...out[1]!.payload]).toEqual([0, 32, 0, 0]);
  });
});
