/** When a keeper of paths asks again for what is missing, and when it leaves a link alone for a while: times that docs/kernel.md states. */
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../base/index.js';
import type { ListedSubflow } from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import { Connections, type MissingSubflow } from './connections.js';
import { Rests } from './rests.js';
import type { UplinkCandidate } from './uplinks.js';

const LINK = 2;

/** A subflow that carries data, over the link of this number. */
function subflow(link: number): ListedSubflow {
  const tcp = { unackedSegments: 0, bytesAcked: 0n, bytesReceived: 0n } as unknown as ListedSubflow['tcp'];
  return {
    ...{ token: 7, cookie: link, family: 4, state: 1, localId: 0, remoteId: 0, tcp, interfaceIndex: 0 },
    ...{ isJoin: link === LINK, isJoinOfOurs: link === LINK, isBackup: false, isBackupForPeer: false },
    local: { address: `10.0.${link}.1`, port: 1 },
    remote: { address: '10.9.0.1', port: 2 },
  };
}

/** Has it see these at `now`. */
function look(connections: Connections, now: number, ...links: number[]): void {
  connections.look(now, links.map(subflow), ({ cookie }) => cookie);
}

/** The seconds from the loss on at which a subflow is asked for, when no attempt brings it back; looked at every tenth of a second. */
function attempts(connections: Connections, lostAt: number, untilS: number): number[] {
  const made: number[] = [];
  const links = new Map([[LINK, new Set([4 as const])]]);
  for (let tenths = 0; tenths <= untilS * 10; tenths++) {
    const now = lostAt + (tenths * SECOND) / 10;
    look(connections, now, 1);
    for (const entry of connections.missing(now, links)) {
      made.push(tenths / 10);
      connections.noteAttempt(now, entry);
    }
  }
  return made;
}

describe('a subflow that a connection lost', () => {
  it('is asked for again after a second, then after two more, four more, up to about a minute, twelve times in all', () => {
    const connections = new Connections();
    look(connections, 0, 1, LINK);
    const made = attempts(connections, SECOND, 1000);
    const waits = made.map((at, i) => at - (made[i - 1] ?? 0));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64]);
  });

  it('and never had is asked for three times, from three seconds on: a peer may not want any', () => {
    const connections = new Connections();
    connections.handleEvent({ type: 'connection-established', token: 7, isServer: false } as never);
    look(connections, 0, 1);
    expect(attempts(connections, 0, 1000)).toEqual([3, 5, 9]);
  });
});

describe('a link on which no subflow comes up', () => {
  const address = IpAddress.parse(`10.0.${LINK}.1`)!;
  const way = { family: 4, address, gateway: undefined, isDefault: false, sources: [address] } as const;
  const uplink = { link: { index: LINK }, ways: [way], lacks: undefined } as unknown as UplinkCandidate;
  const roles = new Map([[LINK, { isBackup: false }]]);
  const asked = [{ link: LINK }] as unknown as MissingSubflow[];

  /** How long it rests after an attempt at `now` that comes to nothing, in s; undefined: it does not. */
  function restAfter(rests: Rests, connections: Connections, now: number): number | undefined {
    rests.noteAttempts(now, asked);
    rests.look(now + 2.9 * SECOND, connections, [uplink], roles);
    expect(rests.isResting(now + 2.9 * SECOND, LINK)).toBe(false);
    const at = now + 3 * SECOND;
    rests.look(at, connections, [uplink], roles);
    return rests.isResting(at, LINK) ? (rests.nextAt(at) - at) / SECOND : undefined;
  }

  it('for three seconds rests for two, then for twice as long each time, up to 64', () => {
    const [rests, connections] = [new Rests(), new Connections()];
    rests.look(0, connections, [uplink], roles);
    const times = Array.from({ length: 8 }, (_, i) => restAfter(rests, connections, i * 100 * SECOND));
    expect(times).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
  });

  it('begins anew with two seconds once a subflow worked', () => {
    const [rests, connections] = [new Rests(), new Connections()];
    rests.look(0, connections, [uplink], roles);
    expect([0, 100].map((at) => restAfter(rests, connections, at * SECOND))).toEqual([2, 4]);
    look(connections, 200 * SECOND, LINK);
    rests.look(200 * SECOND, connections, [uplink], roles);
    look(connections, 300 * SECOND, 1);
    expect(restAfter(rests, connections, 300 * SECOND)).toBe(2);
  });
});
