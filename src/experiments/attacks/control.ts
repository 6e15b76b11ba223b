/**
 * Attacks with options that steer a connection: announced addresses, priorities, removals, fast close, acknowledgments
 * of data. Read first: RFC 6181, RFC 7430 §2 to §4, Munir et al.: Multipath TCP Attacks and Countermeasures (ICNP 2017).
 */

import { MILLISECOND, SECOND, SeededRandom } from '../../base/index.js';
import { defaultMptcpSettings, type MptcpSettings } from '../../mptcp/index.js';
import { IpAddress, type MptcpOption } from '../../wire/index.js';
import type { TransferSetup, TransferWorld } from '../transfer.js';
import {
  type AttackOutcome,
  ATTACK_AT_NS,
  attackSetup,
  isCompleted,
  runAttack,
  spiedSetup,
} from './attack.js';
import { forgeToClient, forgeToServer, Spy } from './forgery.js';

/** Keys that are tried in fast closes. */
const keyGuesses = 1000;
/** An address of the attacker's on the first path. */
const lure = IpAddress.parse('10.0.0.66')!;

function withMptcp(changes: Partial<MptcpSettings>): Pick<TransferSetup, 'client' | 'server'> {
  const mptcp = { ...defaultMptcpSettings, ...changes };
  return { client: { mptcp }, server: { mptcp } };
}

/** Sends `options` to the client over path 0, in the name of the server. */
function inject(world: TransferWorld, now: number, spy: Spy, options: readonly MptcpOption[]): void {
  const packet = forgeToClient(spy, options);
  if (packet !== undefined) world.hosts.client.receive(now, 0, packet);
}

/** An address of the attacker's announced in the server's name: does the client try to join it? */
function lureOnce(seed: number, version: 0 | 1): AttackOutcome {
  const spy = new Spy();
  let drawn = 0;
  const setup = spiedSetup(attackSetup(seed, withMptcp({ versions: [version] })), [spy]);
  const outcome = runAttack(setup, (world) => {
    spy.onSegment = (_now, { destination, mptcp }, direction) => {
      const isJoin = mptcp.some(({ subtype }) => subtype === 'MP_JOIN');
      if (direction === 'outward' && isJoin && destination.address.equals(lure)) drawn++;
    };
    world.simulator.at(ATTACK_AT_NS, (now) => {
      const announcement = { subtype: 'ADD_ADDR', echo: false, addressId: 77, address: lure } as const;
      const hmac = version === 1 ? { hmac: new Uint8Array(8).fill(0x5a) } : {};
      inject(world, now, spy, [{ ...announcement, version, ...hmac }]);
    });
  });
  return {
    ...{ attack: 'ADD_ADDR hijack', attacker: 'one path', shipped: version === 1 },
    defence: version === 0 ? 'version 0: no proof' : 'version 1: HMAC over the address',
    measure: "joins drawn to the attacker's address",
    harm: drawn,
    completed: isCompleted(outcome),
  };
}

/** ADD_ADDR of the attacker's own address: version 0 believes it, version 1 asks for a proof. */
export function addressHijack(seed: number): readonly AttackOutcome[] {
  return [lureOnce(seed, 0), lureOnce(seed, 1)];
}

/** Announcements and withdrawals that a peer, or who speaks in its name, sends in the flood. */
const churns = 500;

/** Address after address announced and withdrawn: how many SYNs does the client send to third parties? */
function churnOnce(seed: number, isBounded: boolean): AttackOutcome {
  const spy = new Spy();
  let drawn = 0;
  const changes = isBounded ? {} : { announcedJoinBurst: Number.POSITIVE_INFINITY };
  const setup = spiedSetup(attackSetup(seed, withMptcp({ versions: [0], ...changes })), [spy]);
  const outcome = runAttack(setup, (world) => {
    spy.onSegment = (_now, { destination, mptcp }, direction) => {
      const isJoin = mptcp.some(({ subtype }) => subtype === 'MP_JOIN');
      if (direction === 'outward' && isJoin && destination.port >= 1024) drawn++;
    };
    for (let i = 0; i < churns; i++) {
      world.simulator.at(ATTACK_AT_NS + i * MILLISECOND, (now) => {
        const address = IpAddress.parse(`10.0.0.${100 + (i % 100)}`)!;
        const announcement = { subtype: 'ADD_ADDR', echo: false, addressId: 77, address } as const;
        const port = 1024 + i;
        inject(world, now, spy, [{ ...announcement, port, version: 0 }]);
        inject(world, now, spy, [{ subtype: 'REMOVE_ADDR', addressIds: [77] }]);
      });
    }
  });
  return {
    ...{ attack: 'ADD_ADDR and REMOVE_ADDR in turn', attacker: 'peer', shipped: isBounded },
    defence: isBounded ? 'a burst of 16 joins, then one in 2 s' : 'no bound on joins to announced addresses',
    measure: `joins on the first path drawn to third parties by ${churns} announcements`,
    harm: drawn,
    completed: isCompleted(outcome),
  };
}

/** Announcements and withdrawals in turn, of ever new addresses, with and without the bound on the joins they draw. */
export function addressChurn(seed: number): readonly AttackOutcome[] {
  return [churnOnce(seed, false), churnOnce(seed, true)];
}

function fastCloseOnce(seed: number, isSeen: boolean): AttackOutcome {
  const spy = new Spy();
  const random = new SeededRandom(seed);
  const outcome = runAttack(spiedSetup(attackSetup(seed), [spy]), (world) => {
    world.simulator.at(ATTACK_AT_NS, (now) => {
      for (let i = 0; i < (isSeen ? 1 : keyGuesses); i++) {
        const guess = (BigInt(random.nextUint32()) << 32n) | BigInt(random.nextUint32());
        const receiverKey = isSeen ? (spy.keys?.[0] ?? 0n) : guess;
        inject(world, now, spy, [{ subtype: 'MP_FASTCLOSE', receiverKey }]);
      }
    });
  });
  return {
    attack: 'fast close',
    attacker: isSeen ? 'handshake path' : 'one path',
    defence: isSeen ? 'none: the key was seen' : `the key: ${keyGuesses} guesses`,
    ...{ shipped: !isSeen, measure: 'connections ended' },
    harm: outcome.client.errorCode === '' ? 0 : 1,
    completed: isCompleted(outcome),
  };
}

/** MP_FASTCLOSE with the key, and with guesses at it. */
export function fastClose(seed: number): readonly AttackOutcome[] {
  return [fastCloseOnce(seed, true), fastCloseOnce(seed, false)];
}

/** REMOVE_ADDR of all the addresses that the client may have on other paths, in its name. */
export function removeAddress(seed: number): AttackOutcome {
  const spy = new Spy();
  let sent = 0;
  const outcome = runAttack(spiedSetup(attackSetup(seed), [spy]), (world) => {
    world.simulator.at(ATTACK_AT_NS, (now) => {
      const packet = forgeToServer(spy, [{ subtype: 'REMOVE_ADDR', addressIds: [1, 2, 3, 4] }]);
      if (packet === undefined) return;
      sent++;
      world.hosts.server.receive(now, 0, packet);
    });
  });
  const ended = outcome.server.subflows.filter(
    ({ what, atNs, reason }) => what === 'closed' && reason !== 'normal' && atNs < ATTACK_AT_NS + SECOND,
  );
  return {
    ...{ attack: 'REMOVE_ADDR forged', attacker: 'one path', shipped: true },
    defence: 'the path is probed first',
    ...{ measure: 'live subflows ended', harm: ended.length, completed: isCompleted(outcome) && sent === 1 },
  };
}

/** DATA_ACKs of what was never sent, in the client's and the server's name. */
export function dataAckBeyond(seed: number): AttackOutcome {
  const spy = new Spy();
  let sentBefore = 0;
  let jumped = 0;
  const outcome = runAttack(spiedSetup(attackSetup(seed), [spy]), (world) => {
    let ack: bigint | undefined;
    spy.onSegment = (_now, { mptcp }, direction) => {
      const dss = mptcp.find((option) => option.subtype === 'DSS');
      if (direction === 'inward' && dss?.dataAck?.bits === 64) ack = dss.dataAck.value;
    };
    world.simulator.at(ATTACK_AT_NS, (now) => {
      if (ack === undefined) return;
      const { connection } = world.client.socket!;
      sentBefore = connection.statistics.bytesAcked;
      for (const beyond of [10n ** 6n, 2n ** 31n, 2n ** 62n]) {
        const value = BigInt.asUintN(64, ack + beyond);
        inject(world, now, spy, [{ subtype: 'DSS', dataFin: false, dataAck: { value, bits: 64 } }]);
      }
      jumped = connection.statistics.bytesAcked - sentBefore;
    });
  });
  return {
    ...{ attack: 'DATA_ACK beyond what was sent', attacker: 'one path', shipped: true },
    defence: 'held against what was sent',
    ...{ measure: 'bytes taken for delivered', harm: jumped, completed: isCompleted(outcome) },
  };
}
