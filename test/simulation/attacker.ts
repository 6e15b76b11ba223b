/**
 * Somebody off every path who knows addresses and ports and guesses the rest: sequence numbers, keys, tokens, proofs.
 * What he sends goes straight to the hosts, past the observers, who judge as if it had never come: a world with him must
 * end as well as one without. Never guesses a number inside of a window, where plain TCP has no defence against data
 * (RFC 5961 §1). Read first: RFC 5961, RFC 6181, RFC 8684 §5.
 */

import { forge, type Forgery } from '../../src/experiments/attacks/forgery.js';
import type { Packet } from '../../src/network/index.js';
import type { Stack } from '../../src/stack/index.js';
import { IpAddress, type MptcpOption, TcpFlag } from '../../src/wire/index.js';
import { Dice } from './dice.js';

/** Room on either side of the window that guesses stay out of, in bytes: larger than any window of a world. */
const marginBytes = 0x1000_0000;

const { ACK, FIN, RST, SYN } = TcpFlag;

/** What he tries. */
type Shot = (dice: Dice) => Partial<Forgery>;

const shots: readonly Shot[] = [
  () => ({ flags: RST }),
  () => ({ flags: RST | ACK }),
  () => ({ flags: SYN }),
  () => ({ flags: SYN | ACK }),
  () => ({ flags: ACK }),
  () => ({ flags: ACK | FIN }),
  (dice) => ({ payload: new Uint8Array(dice.magnitude(1, 1400)).fill(0x41) }),
  (dice) => ({ options: [announcement(dice)] }),
  (dice) => ({ options: [{ subtype: 'MP_FASTCLOSE', receiverKey: key(dice) }] }),
  (dice) => ({ flags: RST | ACK, options: [{ subtype: 'MP_FASTCLOSE', receiverKey: key(dice) }] }),
  (dice) => ({ options: [{ subtype: 'MP_PRIO', backup: dice.chance(0.5), addressId: dice.below(4) }] }),
  (dice) => ({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [dice.below(4)] }] }),
];

/** Forged packets, with the side's interface that gets each. */
export class Attacker {
  /** Packets sent. */
  count = 0;
  private readonly dice: Dice;

  constructor(dice: Dice) {
    this.dice = dice;
  }

  /** A shot at one of the subflows of `stack`; undefined while it has none. */
  shoot(stack: Stack): Packet | undefined {
    const { dice } = this;
    const subflows = [...stack.sockets].flatMap(({ connection }) => connection.subflows);
    if (subflows.length === 0) return undefined;
    this.count++;
    const { local, remote, tcp, peerInitialSeq } = dice.pick(subflows);
    const distance = dice.between(marginBytes, 2 ** 32 - 2 * marginBytes);
    const common = {
      ...{ source: remote, destination: local, flags: ACK },
      ...{ seq: (peerInitialSeq + tcp.rcvNxt + distance) >>> 0, ack: dice.below(2 ** 32) },
    };
    if (dice.chance(0.2)) return forge({ ...common, ...this.join(remote.port) });
    return forge({ ...common, ...dice.pick(shots)(dice) });
  }

  /** A join from another port by a token that nobody has. */
  private join(port: number): Partial<Forgery> {
    const { dice } = this;
    const token = dice.below(2 ** 32);
    const nonce = dice.below(2 ** 32);
    const addressId = dice.below(8);
    const option: MptcpOption = {
      ...{ subtype: 'MP_JOIN', phase: 'syn', backup: false },
      ...{ addressId, token, nonce },
    };
    return { flags: SYN, options: [option], ack: 0, seq: (token + port) >>> 0 };
  }
}

function key(dice: Dice): bigint {
  return (BigInt(dice.below(2 ** 32)) << 32n) | BigInt(dice.below(2 ** 32));
}

/** An address of his own, with a proof that he made up. */
function announcement(dice: Dice): MptcpOption {
  const hmac = Uint8Array.from({ length: 8 }, () => dice.below(256));
  const address = new IpAddress(4, 0, 0, 0, 0xc633_6400 + dice.below(256));
  return { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: dice.below(8), address, hmac };
}
