/**
 * Somebody off every path who knows addresses, ports and perhaps tokens and guesses the rest: sequence numbers, keys,
 * proofs. It has addresses of its own, joins from there, and hears the answers. What it sends goes straight to the hosts,
 * past the observers, who judge as if it had never come: a world with it must end as well as one without. It shoots at
 * subflows that are open, and never guesses a number inside of a window, where plain TCP has no defence against data
 * (RFC 5961 §1). Read first: RFC 5961, RFC 6181, RFC 8684 §5.
 */

import { seqAt } from '../../src/base/index.js';
import { forge, type Forgery } from '../../src/experiments/attacks/forgery.js';
import type { Subflow } from '../../src/mptcp/index.js';
import { type Packet, type PacketObserver, readIp, type Violation } from '../../src/network/index.js';
import type { Stack } from '../../src/stack/index.js';
import {
  IpAddress,
  IpPacket,
  IpProtocol,
  type MptcpOption,
  parseTcp,
  TcpFlag,
  TcpSegment,
} from '../../src/wire/index.js';
import type { Dice } from './dice.js';

/** Room on either side of the window that guesses stay out of, in bytes: larger than any window of a world. */
const marginBytes = 0x1000_0000;
/** Where the attacker is at home: 198.51.100.0/24, and the same number in IPv6. */
const strangerNet = 0xc633_6400;
/** Answers to its joins that it remembers. */
const maxAnswers = 16;

const { ACK, FIN, RST, SYN } = TcpFlag;

/** What it tries at a subflow, from outside its windows. */
type Shot = (dice: Dice) => Partial<Forgery>;

const shots: readonly Shot[] = [
  () => ({ flags: RST }),
  () => ({ flags: RST | ACK }),
  () => ({ flags: SYN }),
  () => ({ flags: SYN | ACK }),
  () => ({ flags: ACK }),
  () => ({ flags: ACK | FIN }),
  (dice) => ({ payload: new Uint8Array(dice.magnitude(1, 1400)).fill(0x41) }),
  (dice) => ({ payload: new Uint8Array(100).fill(0x42), options: [mapping(dice)] }),
  (dice) => ({ options: [announcement(dice)] }),
  (dice) => ({ options: [{ subtype: 'MP_FASTCLOSE', receiverKey: number64(dice) }] }),
  (dice) => ({ flags: RST | ACK, options: [{ subtype: 'MP_FASTCLOSE', receiverKey: number64(dice) }] }),
  (dice) => ({ options: [{ subtype: 'MP_FAIL', dataSeq: number64(dice) }] }),
  (dice) => ({ options: [{ subtype: 'MP_PRIO', backup: dice.chance(0.5), addressId: dice.below(4) }] }),
  (dice) => ({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [dice.below(4)] }] }),
];

/** Forged packets, one at a time. */
export class Attacker implements PacketObserver {
  readonly violations: Violation[] = [];
  private readonly dice: Dice;
  /** What a third ACK to each SYN+ACK that it got would be. */
  private readonly answers: Forgery[] = [];
  private readonly ip = new IpPacket();
  private readonly tcp = new TcpSegment();

  constructor(dice: Dice) {
    this.dice = dice;
  }

  /** A shot at one of the open subflows of `stack`; undefined while it has none. */
  shoot(stack: Stack): Packet | undefined {
    const { dice } = this;
    const subflows = [...stack.sockets].flatMap(({ connection }) =>
      connection.subflows.filter(({ state }) => state === 'active'),
    );
    if (subflows.length === 0) return undefined;
    const target = dice.pick(subflows);
    return dice.chance(0.3) ? this.join(stack, target) : this.miss(target);
  }

  /** Hears what is sent to its addresses. */
  observe(_now: number, packet: Packet): void {
    const { ip, tcp } = this;
    if (!readIp(packet, ip) || ip.protocol !== IpProtocol.TCP || !isStranger(ip.destination)) return;
    if (parseTcp(packet.bytes, ip.payloadOffset, ip.payloadLength, tcp) !== undefined) return;
    if ((tcp.flags & (SYN | ACK | RST)) !== (SYN | ACK) || this.answers.length >= maxAnswers) return;
    this.answers.push({
      source: { address: ip.destination, port: tcp.destinationPort },
      destination: { address: ip.source, port: tcp.sourcePort },
      ...{ flags: ACK, seq: tcp.ack, ack: (tcp.seq + 1) >>> 0 },
    });
  }

  /** Notes what a host holds that it never should: subflows to strangers, and more of them than it allows. */
  inspect(now: number, host: string, stack: Stack): void {
    for (const { connection } of stack.sockets) {
      const { subflows, settings } = connection;
      const isAdmitted = subflows.some(
        ({ remote, state }) => state === 'active' && isStranger(remote.address),
      );
      if (isAdmitted) this.report(now, host, 'a subflow of the attacker is part of a connection');
      if (subflows.length > settings.maxSubflows)
        this.report(now, host, `${subflows.length} subflows, ${settings.maxSubflows} are allowed`);
    }
  }

  private report(at: number, host: string, text: string): void {
    if (this.violations.length < 5) this.violations.push({ at, host, rule: 'attack', text });
  }

  /** Anything at all, with numbers far from the windows. */
  private miss({ local, remote, tcp, peerInitialSeq }: Subflow): Packet {
    const { dice } = this;
    const distance = dice.between(marginBytes, 2 ** 32 - 2 * marginBytes);
    const common = { source: remote, destination: local, flags: ACK, ack: dice.below(2 ** 32) };
    const seq = (seqAt(peerInitialSeq, tcp.rcvNxt) + Math.round(distance)) >>> 0;
    return forge({ ...common, seq, ...dice.pick(shots)(dice) });
  }

  /** A join from an address of its own: the SYN, by a token guessed or overheard, or the third ACK with a proof made up. */
  private join(stack: Stack, { local }: Subflow): Packet {
    const { dice } = this;
    const answer = this.answers.pop();
    if (answer !== undefined) {
      const hmac = Uint8Array.from({ length: 20 }, () => (dice.chance(0.5) ? 0 : dice.below(256)));
      if (dice.chance(0.5)) hmac.fill(0);
      return forge({ ...answer, options: [{ subtype: 'MP_JOIN', phase: 'ack', hmac }] });
    }
    const source = {
      address: strangerAddress(local.address.family, dice.below(200)),
      port: dice.between(1024, 60_000) | 0,
    };
    const tokens = [...stack.sockets].map(({ connection }) => connection.localToken);
    const token = (dice.chance(0.7) ? dice.pick(tokens) : undefined) ?? dice.below(2 ** 32);
    const common = { subtype: 'MP_JOIN', phase: 'syn', backup: false } as const;
    const option = { ...common, addressId: dice.below(8), token, nonce: dice.below(2 ** 32) };
    return forge({ source, destination: local, seq: 100, flags: SYN, options: [option] });
  }
}

/** An address that nobody has: what is sent there is heard by the attacker alone. */
function strangerAddress(family: 4 | 6, host: number): IpAddress {
  return family === 4
    ? new IpAddress(4, 0, 0, 0, strangerNet + host)
    : new IpAddress(6, 0x2001_0db8, strangerNet, 0, host);
}

function isStranger({ family, b, d }: IpAddress): boolean {
  return family === 4 ? d >>> 8 === strangerNet >>> 8 : b === strangerNet;
}

function number64(dice: Dice): bigint {
  return (BigInt(dice.below(2 ** 32)) << 32n) | BigInt(dice.below(2 ** 32));
}

/** An address of its own, with a proof that it made up. */
function announcement(dice: Dice): MptcpOption {
  const hmac = Uint8Array.from({ length: 8 }, () => dice.below(256));
  const address = strangerAddress(4, dice.below(200));
  return { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: dice.below(8), address, hmac };
}

/** Data that belongs nowhere. */
function mapping(dice: Dice): MptcpOption {
  const dataSeq = { value: number64(dice), bits: 64 } as const;
  return {
    subtype: 'DSS',
    dataFin: false,
    mapping: { dataSeq, subflowSeq: dice.below(2 ** 31), dataLength: 100 },
  };
}
