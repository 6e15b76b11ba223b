/** SYN floods from addresses that are not the attacker's. Read first: RFC 4987. */

import { MILLISECOND, SECOND } from '../../base/index.js';
import { defaultStackSettings, type StackSettings } from '../../stack/index.js';
import { IpAddress, TcpFlag } from '../../wire/index.js';
import { TRANSFER_PORT } from '../transfer.js';
import { type AttackOutcome, attackSetup, isCompleted, runAttack } from './attack.js';
import { forge } from './forgery.js';

/** SYNs of the flood; the host takes fewer connections. */
const syns = 4000;
/** Connections that the host of the victim takes. */
const maxConnections = 2048;

function floodOnce(seed: number, settings: Partial<StackSettings>, shipped: boolean): AttackOutcome {
  const destination = { address: IpAddress.parse('10.0.0.1')!, port: TRANSFER_PORT };
  const connectAtNs = SECOND;
  let held = 0;
  const setup = attackSetup(seed, {
    server: { maxConnections, ...settings },
    connectAtNs,
    untilNs: 30 * SECOND,
  });
  const outcome = runAttack(setup, (world) => {
    const { server } = world.hosts;
    for (let i = 0; i < syns; i++) {
      world.simulator.at(500 * MILLISECOND + i * 10_000, (now) => {
        const source = { address: new IpAddress(4, 0, 0, 0, 0x0a00_0080 + (i % 100)), port: 1024 + i };
        server.receive(now, 0, forge({ source, destination, flags: TcpFlag.SYN, seq: i }));
      });
    }
    world.simulator.at(connectAtNs, () => {
      held = server.stack.connectionCount;
    });
  });
  return {
    ...{ attack: 'SYN flood', attacker: 'off-path', shipped },
    defence: shipped ? `cookies beyond ${defaultStackSettings.maxHalfOpen} half-open` : 'no cookies',
    ...{ measure: `half-open connections held of ${syns}`, harm: held, completed: isCompleted(outcome) },
  };
}

/** A flood, and a client that connects in the middle of it. */
export function synFlood(seed: number): readonly AttackOutcome[] {
  return [floodOnce(seed, { maxHalfOpen: 1e9 }, false), floodOnce(seed, {}, true)];
}
