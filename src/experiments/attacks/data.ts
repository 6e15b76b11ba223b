/**
 * Attacks with data: mappings beyond the window, bytes out of order without end, and forged payload. Read first: RFC 8684
 * §3.3.1 and §3.3.4, RFC 9293 §3.10.7.4.
 */

import { defaultMptcpSettings } from '../../mptcp/index.js';
import { defaultTcpSettings } from '../../tcp/index.js';
import { type Dss, dssChecksum, type MptcpOption } from '../../wire/index.js';
import type { TransferWorld } from '../transfer.js';
import {
  type AttackOutcome,
  ATTACK_AT_NS,
  attackSetup,
  isCompleted,
  runAttack,
  spiedSetup,
} from './attack.js';
import { forge, forgeToClient, Spy } from './forgery.js';
import { TcpFlag } from '../../wire/index.js';

/** Single bytes that are sent out of order. */
const holes = 2500;

/** The newest mapping from the server that was overheard. */
interface Heard {
  dss: Dss | undefined;
  length: number;
}

/** Listens for mappings of path 0. */
function listen(spy: Spy): Heard {
  const heard: Heard = { dss: undefined, length: 0 };
  spy.onSegment = (_now, { mptcp, payload }, direction) => {
    const dss = mptcp.find((option) => option.subtype === 'DSS');
    if (direction !== 'inward' || dss?.mapping === undefined || payload.length === 0) return;
    heard.dss = dss;
    heard.length = dss.mapping.dataLength;
  };
  return heard;
}

/** A mapping far beyond the window in the name of the server, with bytes that steal their place on the subflow. */
export function mappingBeyond(seed: number): AttackOutcome {
  const spy = new Spy();
  const setup = spiedSetup(attackSetup(seed), [spy]);
  let kept = 0;
  const outcome = runAttack(setup, (world) => {
    const heard = listen(spy);
    world.simulator.at(ATTACK_AT_NS, (now) => {
      const { dss } = heard;
      if (dss?.mapping === undefined) return;
      const { dataSeq, subflowSeq } = dss.mapping;
      const value = BigInt.asUintN(dataSeq.bits, dataSeq.value + 2n ** 30n);
      const mapping = {
        ...dss.mapping,
        dataSeq: { ...dataSeq, value },
        subflowSeq: subflowSeq + heard.length,
      };
      const before = world.client.socket!.connection.statistics.bytesReceived;
      const packet = forgeToClient(
        spy,
        [{ ...dss, mapping: { ...mapping, dataLength: 1000 } }],
        new Uint8Array(1000),
      );
      if (packet !== undefined) world.hosts.client.receive(now, 0, packet);
      kept = world.client.socket!.connection.statistics.bytesReceived - before;
    });
  });
  return {
    ...{ attack: 'mapping beyond the window', attacker: 'one path', shipped: true },
    defence: 'held against the window',
    ...{ measure: 'forged bytes kept', harm: kept, completed: isCompleted(outcome) },
  };
}

/** Payload of the attacker's under the mapping that comes next; with the checksum that goes with it, where there is one. */
function injectOnce(seed: number, checksum: boolean): AttackOutcome {
  const spy = new Spy();
  const mptcp = { ...defaultMptcpSettings, checksum };
  const outcome = runAttack(
    spiedSetup(attackSetup(seed, { client: { mptcp }, server: { mptcp } }), [spy]),
    (world) => {
      const heard = listen(spy);
      world.simulator.at(ATTACK_AT_NS, (now) => {
        const { dss } = heard;
        if (dss?.mapping === undefined) return;
        const payload = new Uint8Array(1000).fill(0x66);
        const packet = forgeToClient(spy, [following(dss, heard.length, payload, checksum)], payload);
        if (packet !== undefined) world.hosts.client.receive(now, 0, packet);
      });
    },
  );
  return {
    ...{ attack: 'payload forged', attacker: 'one path', shipped: !checksum },
    defence: checksum ? 'DSS checksum (it is no secret)' : 'none',
    ...{
      measure: 'streams corrupted',
      harm: outcome.client.isIntact ? 0 : 1,
      completed: isCompleted(outcome),
    },
  };
}

/** The mapping that follows `dss`, of `payload`. */
function following(dss: Dss, length: number, payload: Uint8Array, withChecksum: boolean): MptcpOption {
  const { dataSeq, subflowSeq } = dss.mapping!;
  const value = BigInt.asUintN(64, dataSeq.value + BigInt(length));
  const start = subflowSeq + length;
  const words = { hi: Number(value >> 32n), lo: Number(value & 0xffff_ffffn) };
  const checksum = dssChecksum(words, start, payload.length, [payload]);
  return {
    subtype: 'DSS',
    dataFin: false,
    ...(dss.dataAck !== undefined && { dataAck: dss.dataAck }),
    mapping: {
      ...{ dataSeq: { value, bits: dataSeq.bits }, subflowSeq: start, dataLength: payload.length },
      ...(withChecksum && { checksum }),
    },
  };
}

/** Bytes of the attacker's in the stream: what neither TCP nor Multipath TCP defends against on a path. */
export function payloadForged(seed: number): readonly AttackOutcome[] {
  return [injectOnce(seed, true), injectOnce(seed, false)];
}

/** Every other byte of the window, in segments of one byte each: how many separate runs does the server keep? */
function holesOnce(seed: number, isLimited: boolean): AttackOutcome {
  const spy = new Spy();
  const tcp = isLimited ? defaultTcpSettings : { ...defaultTcpSettings, maxReassemblyRuns: 1e9 };
  let runs = 0;
  const outcome = runAttack(spiedSetup(attackSetup(seed, { server: { tcp } }), [spy]), (world) => {
    world.simulator.at(ATTACK_AT_NS, (now) => {
      runs = sendHoles(world, now, spy);
    });
  });
  return {
    ...{ attack: 'bytes out of order', attacker: 'peer', shipped: isLimited },
    defence: isLimited ? `at most ${defaultTcpSettings.maxReassemblyRuns} runs` : 'runs unlimited',
    ...{ measure: `runs kept of ${holes} sent`, harm: runs, completed: isCompleted(outcome) },
  };
}

/** Sends the holes in the client's name, far ahead of what it sends itself; returns how many the server kept. */
function sendHoles(world: TransferWorld, now: number, spy: Spy): number {
  const { outward, inward } = spy.flows;
  const subflow = world.server.socket?.connection.subflows[0];
  if (outward === undefined || inward === undefined || subflow === undefined) return 0;
  const { source, destination } = outward;
  for (let i = 0; i < holes; i++) {
    const seq = outward.nextSeq + 500_000 + 2 * i;
    const payload = new Uint8Array(1);
    world.hosts.server.receive(
      now,
      0,
      forge({ source, destination, flags: TcpFlag.ACK, seq, ack: inward.nextSeq, payload }),
    );
  }
  return subflow.tcp.reassemblyRuns;
}

/** Holes in the sequence without end. */
export function outOfOrder(seed: number): readonly AttackOutcome[] {
  return [holesOnce(seed, false), holesOnce(seed, true)];
}
