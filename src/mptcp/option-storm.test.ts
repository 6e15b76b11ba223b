/**
 * Random sequences of options, right and wrong, against an established connection with two subflows: nothing throws, no
 * byte of the stream changes, nothing grows without bound, and once the storm is over the connection can be ended.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NEVER, SECOND, uint64ToBigInt } from '../base/index.js';
import { IpAddress, TcpFlag, addAddrHmac, mptcpOptionLength } from '../wire/index.js';
import type { MptcpOption, MptcpVersion } from '../wire/index.js';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { arrived, segmentBytes } from '../../test/support/mptcp-world.js';
import type { Subflow } from './subflow.js';

const BUFFER = 50_000;
/** Byte number `offset` of the impostor's stream. */
const streamByte = (offset: number): number => (offset * 37 + (offset >>> 8)) & 0xff;
const stream = (from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => streamByte(from + i));

/** The connection with its two subflows, and what the impostor has sent of its stream. */
class Storm {
  readonly impostor: Impostor;
  /** Data offset of the next byte of the stream, and what was read and checked of it. */
  next = 1;
  read = 1;

  constructor(version: MptcpVersion) {
    const impostor = new Impostor({
      versions: [version],
      acceptPriorityForAddress: true,
      receiveBufferBytes: BUFFER,
      sendBufferBytes: BUFFER,
      maxUnmappedBytes: 10_000,
      maxMappings: 200,
      hearExperiments: true,
      graceNs: 5 * SECOND,
      closeTimeoutNs: 5 * SECOND,
    });
    this.impostor = impostor;
    impostor.connection.setLocalAddresses(impostor.now, [
      { address: IpAddress.parse('10.0.0.1')!, id: 1, port: 0, backup: false, signal: true, subflow: true },
    ]);
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.sent.length = 0;
  }

  /** A subflow that is not over; undefined when all are. */
  subflow(choice: number): Subflow | undefined {
    const live = this.impostor.connection.subflows.filter(({ state }) => state !== 'closed');
    return live[choice % Math.max(1, live.length)];
  }

  send(
    choice: number,
    flags: number,
    option: MptcpOption | undefined,
    payload: Uint8Array = new Uint8Array(0),
  ): void {
    const subflow = this.subflow(choice);
    if (subflow === undefined) return;
    this.impostor.send({ flags, options: option === undefined ? [] : [option], payload }, subflow);
  }

  /** The next bytes of the stream with their right mapping. */
  data(choice: number, length: number): void {
    const subflow = this.subflow(choice);
    if (subflow === undefined) return;
    const option = this.impostor.mapping(subflow.tcp.rcvNxt, this.next, length);
    this.send(choice, TcpFlag.ACK, option, stream(this.next, length));
    if (subflow.state !== 'closed') this.next += length;
  }

  /** An option whose bytes are cut short or overwritten, in a segment otherwise in order. */
  mangled(choice: number, option: MptcpOption, at: number, value: number): void {
    const subflow = this.subflow(choice);
    if (subflow === undefined) return;
    const length = mptcpOptionLength(option);
    const bytes = segmentBytes(80, 4000, { flags: TcpFlag.ACK, seq: 0, options: [option] });
    // The kind stays, or it would not be an option of ours.
    bytes[21 + (at % (length - 1))] = value;
    const segment = arrivedOrUndefined(bytes);
    if (segment === undefined) return;
    const { tcp } = subflow;
    segment.seq = (1_000_000 + tcp.rcvNxt) >>> 0;
    segment.ack = (500 + tcp.sndUna) >>> 0;
    this.impostor.connection.handleSegment(this.impostor.now, subflow, segment);
    this.impostor.poll();
  }

  /** Reads what is there: every byte as it was sent, unless the option storm itself mapped other bytes there. */
  check(): void {
    const { impostor } = this;
    const { connection } = impostor;
    const held = connection.readableBytes;
    expect(held).toBeLessThanOrEqual(BUFFER + 10);
    for (const byte of impostor.read()) {
      expect([this.read, byte]).toEqual([this.read, streamByte(this.read)]);
      this.read++;
    }
    expect(connection.subflows.length).toBeLessThanOrEqual(40);
    for (const subflow of connection.subflows) {
      expect(subflow.mappings?.size ?? 0).toBeLessThanOrEqual(200);
      expect(subflow.mappings?.unmappedBytes ?? 0).toBeLessThanOrEqual(10_000 + 1460);
      expect(subflow.outbox?.length ?? 0).toBeLessThanOrEqual(32);
    }
    const { core } = connection as unknown as {
      core: {
        addresses?: { remote: unknown[]; local: unknown[]; removals: unknown[] };
        paths?: { attempts: unknown[] };
      };
    };
    expect(core.addresses?.remote.length ?? 0).toBeLessThanOrEqual(8);
    expect(core.addresses?.local.length ?? 0).toBeLessThanOrEqual(8);
    expect(core.addresses?.removals.length ?? 0).toBeLessThanOrEqual(256);
    expect(core.paths?.attempts.length ?? 0).toBeLessThanOrEqual(64);
    // Nothing answers one segment with many.
    expect(impostor.sent.length).toBeLessThanOrEqual(100);
    impostor.sent.length = 0;
    impostor.events.length = 0;
  }
}

function arrivedOrUndefined(bytes: Uint8Array): ReturnType<typeof arrived> | undefined {
  try {
    return arrived(bytes);
  } catch {
    // The mangled length no longer fits the header: the codec's answer, before any connection sees it.
    return undefined;
  }
}

const byte = fc.integer({ min: 0, max: 255 });
const body = fc.uint8Array({ maxLength: 20 });
const backup = fc.boolean();
const key = fc.constantFrom(0n, 1n, uint64ToBigInt(impostorKey));

/** Options that say nothing about data: all that a peer may send at any time, and some that it may not. */
const control: fc.Arbitrary<MptcpOption> = fc.oneof(
  fc
    .record({
      id: byte,
      last: byte,
      port: fc.constantFrom(0, 80, 8080),
      isRight: fc.boolean(),
      isV6: fc.boolean(),
      isOld: fc.boolean(),
    })
    .map(({ id, last, port, isRight, isV6, isOld }): MptcpOption => {
      const address = IpAddress.parse(isV6 ? `2001:db8::${last.toString(16)}` : `10.4.0.${last}`)!;
      const hmac = addAddrHmac(isRight ? impostorKey : ownKey, ownKey, { addressId: id, address, port });
      return {
        subtype: 'ADD_ADDR',
        version: isOld ? 0 : 1,
        echo: false,
        addressId: id,
        address,
        ...(!isOld && { hmac }),
        ...(port > 0 && { port }),
      };
    }),
  fc.record({ id: byte, last: byte }).map(({ id, last }): MptcpOption => ({
    subtype: 'ADD_ADDR',
    version: 1,
    echo: true,
    addressId: id,
    address: IpAddress.parse(`10.4.0.${last}`)!,
  })),
  fc
    .array(byte, { minLength: 1, maxLength: 16 })
    .map((addressIds): MptcpOption => ({ subtype: 'REMOVE_ADDR', addressIds })),
  backup.map((isBackup): MptcpOption => ({ subtype: 'MP_PRIO', backup: isBackup })),
  fc.record({ backup, id: byte }).map(({ backup: isBackup, id }): MptcpOption => ({
    subtype: 'MP_PRIO',
    backup: isBackup,
    addressId: id,
  })),
  key.map((receiverKey): MptcpOption => ({ subtype: 'MP_FASTCLOSE', receiverKey })),
  fc
    .record({ flags: fc.nat(15), reason: byte })
    .map(({ flags, reason }): MptcpOption => ({ subtype: 'MP_TCPRST', flags, reason })),
  fc
    .record({ nibble: fc.nat(15), body })
    .map((content): MptcpOption => ({ subtype: 'MP_EXPERIMENTAL', ...content })),
  fc
    .record({ code: fc.integer({ min: 9, max: 14 }), nibble: fc.nat(15), body })
    .map((content): MptcpOption => ({ subtype: 'UNKNOWN', ...content })),
  fc
    .record({ nonce: fc.nat(), isSyn: fc.boolean() })
    .map(({ nonce, isSyn }): MptcpOption =>
      isSyn
        ? { subtype: 'MP_JOIN', phase: 'syn', backup: false, addressId: 3, token: 1, nonce }
        : { subtype: 'MP_JOIN', phase: 'ack', hmac: new Uint8Array(20).fill(nonce) },
    ),
  fc.constantFrom<MptcpOption>(
    { subtype: 'MP_CAPABLE', version: 1, flags: 0x81 },
    { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 5n },
    { subtype: 'MP_CAPABLE', version: 0, flags: 1, senderKey: 5n, receiverKey: 6n },
    { subtype: 'MP_CAPABLE', version: 1, flags: 1, senderKey: 5n, receiverKey: 6n, dataLength: 9 },
  ),
);

type Act = (storm: Storm) => void;
const choice = fc.nat(5);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(choice, fc.integer({ min: 1, max: 1400 })).map(([at, length]): Act => (storm) => {
      storm.data(at, length);
    }),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(choice, control).map(([at, option]): Act => (storm) => {
      storm.send(at, TcpFlag.ACK, option);
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(choice, control, byte, byte).map(([at, option, where, value]): Act => (storm) => {
      storm.mangled(at, option, where, value);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(choice, control).map(([at, option]): Act => (storm) => {
      // On a repeated SYN+ACK, which only provokes an answer.
      const subflow = storm.subflow(at);
      if (subflow !== undefined)
        storm.impostor.send({ flags: TcpFlag.SYN | TcpFlag.ACK, seq: 0, options: [option] }, subflow);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(choice, fc.integer({ min: -5, max: 100_000 })).map(([at, offset]): Act => (storm) => {
      storm.send(at, TcpFlag.ACK, storm.impostor.dataAck(offset));
    }),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 3000 }).map((ms): Act => (storm) => {
      storm.impostor.run(ms * 1e6);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 5000 }).map((length): Act => (storm) => {
      const { connection, now } = storm.impostor;
      if (connection.bufferedSendBytes < BUFFER && storm.impostor.initial !== undefined)
        connection.write(now, new Uint8Array(length));
      storm.impostor.poll();
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(choice, fc.boolean()).map(([at, isBackup]): Act => (storm) => {
      const subflow = storm.subflow(at);
      if (subflow !== undefined) storm.impostor.connection.setBackup(storm.impostor.now, subflow, isBackup);
      storm.impostor.poll();
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(byte, byte).map(([id, last]): Act => (storm) => {
      const { connection, now } = storm.impostor;
      const address = IpAddress.parse(`10.5.0.${last}`)!;
      connection.announceAddress(now, { address, port: last }, id);
      if (last % 2 === 0) connection.withdrawAddress(now, 10 + (id % 200));
      storm.impostor.poll();
    }),
  },
);

/** What ends subflows or the stream; drawn seldom, so that most storms last. */
const ending: fc.Arbitrary<Act> = fc.oneof(
  fc.tuple(choice, control).map(([at, option]): Act => (storm) => {
    storm.send(at, TcpFlag.RST | TcpFlag.ACK, option);
  }),
  fc.tuple(choice, fc.nat(1000)).map(([at, offset]): Act => (storm) => {
    storm.send(at, TcpFlag.ACK, { subtype: 'MP_FAIL', dataSeq: storm.impostor.peerSeq(storm.next + offset) });
  }),
  choice.map((at): Act => (storm) => {
    storm.send(at, TcpFlag.FIN | TcpFlag.ACK, undefined);
  }),
  choice.map((at): Act => (storm) => {
    storm.send(at, TcpFlag.ACK, storm.impostor.mapping(0, storm.next, 1, { dataFin: true }));
  }),
  fc.tuple(choice, fc.nat(70_000)).map(([at, length]): Act => (storm) => {
    const subflow = storm.subflow(at);
    // Claims bytes of the stream that are not to come: whatever is sent next on this subflow contradicts it.
    if (subflow !== undefined)
      storm.send(
        at,
        TcpFlag.ACK,
        storm.impostor.mapping(subflow.tcp.rcvNxt + 5000, storm.next, (length % 65_535) + 1),
      );
  }),
);

it('a storm of options breaks nothing, changes no byte and makes nothing grow', () => {
  const acts = fc.array(fc.oneof({ weight: 40, arbitrary: act }, { weight: 1, arbitrary: ending }), {
    minLength: 5,
    maxLength: 80,
  });
  fc.assert(
    fc.property(fc.constantFrom<MptcpVersion>(0, 1), acts, (version, sequence) => {
      const storm = new Storm(version);
      for (const perform of sequence) {
        if (storm.impostor.connection.isReleasable) break;
        perform(storm);
        storm.check();
      }
      const { connection } = storm.impostor;
      connection.close(storm.impostor.now);
      storm.impostor.poll();
      storm.impostor.run(3600 * SECOND);
      expect(connection.pollTimeout()).toBe(NEVER);
      expect(connection.isReleasable).toBe(true);
    }),
    { numRuns: Number(process.env['SUBFLOW_STORMS'] ?? 40), seed: 8684 },
  );
});
