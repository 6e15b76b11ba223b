import { expect, it } from 'vitest';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { SECOND } from '../base/index.js';
import { IpAddress, TcpFlag, addAddrHmac } from '../wire/index.js';
import type { AddAddr, MptcpOption } from '../wire/index.js';
import type { SubflowWantedEvent } from './events.js';
import { ResetReason } from './reset-reason.js';

const own = { address: IpAddress.parse('10.0.0.1')!, id: 1, port: 0, backup: false };

function announcement(id: number, text: string): AddAddr {
  const address = IpAddress.parse(text)!;
  const hmac = addAddrHmac(impostorKey, ownKey, { addressId: id, address, port: 0 });
  return { subtype: 'ADD_ADDR', version: 1, echo: false, addressId: id, address, hmac };
}

/** Takes the requests for subflows out of the events. */
function wanted(impostor: Impostor): SubflowWantedEvent[] {
  return impostor.events.splice(0).filter((event) => event.type === 'subflow-wanted');
}

/** Opens the subflow asked for, and resets it at once with `options`. */
function openAndReset(impostor: Impostor, event: SubflowWantedEvent, options: readonly MptcpOption[]): void {
  const { local, localId, remote, remoteId, backup } = event;
  const subflow = impostor.connection.openSubflow(impostor.now, {
    local: { address: local, port: 4100 },
    remote,
    localId,
    remoteId,
    backup,
    parameters: impostor.parameters(),
  })!;
  impostor.poll();
  impostor.send({ flags: TcpFlag.RST | TcpFlag.ACK, options }, subflow);
}

/** How often an announced address is tried in a while when each attempt is reset with `options`. */
function attempts(options: readonly MptcpOption[], spanNs: number): number {
  const impostor = new Impostor();
  impostor.connection.setLocalAddresses(impostor.now, [{ ...own, signal: false, subflow: true }]);
  impostor.send({ options: [announcement(9, '10.2.0.1')] });
  let count = 0;
  for (const end = impostor.now + spanNs; impostor.now < end; impostor.run(SECOND / 4)) {
    for (const event of wanted(impostor)) {
      openAndReset(impostor, event, options);
      count++;
    }
  }
  return count;
}

it('goes on to try new addresses of a peer whose addresses come and go', () => {
  const impostor = new Impostor();
  const { connection } = impostor;
  connection.setLocalAddresses(impostor.now, [{ ...own, signal: false, subflow: true }]);
  impostor.poll();
  const asked = new Set<string>();
  for (let i = 1; i <= 200; i++) {
    impostor.send({ options: [announcement(9, `10.2.0.${i}`)] });
    for (const event of impostor.events.splice(0)) {
      if (event.type !== 'subflow-wanted') continue;
      asked.add(event.remote.address.toString());
      connection.refuseSubflow(impostor.now, event.local, event.remote);
    }
    impostor.send({ options: [{ subtype: 'REMOVE_ADDR', addressIds: [9] }] });
    impostor.run(1000 * SECOND);
  }
  expect(asked).toContain('10.2.0.200');
});

it('tries an announced address once that resets the attempt, until it is announced again (RFC 8684 §3.4.1)', () => {
  expect(attempts([], 1000 * SECOND)).toBe(1);
});

it('tries a path again, less and less often, whose MP_TCPRST called the trouble transient (RFC 8684 §3.6)', () => {
  const reset = (reason: number): MptcpOption[] => [{ subtype: 'MP_TCPRST', flags: 1, reason }];
  const resources = attempts(reset(ResetReason.LACK_OF_RESOURCES), 300 * SECOND);
  expect(resources).toBeGreaterThan(2);
  expect(resources).toBeLessThan(10);
  expect(attempts(reset(ResetReason.OUTSTANDING_DATA), 300 * SECOND)).toBeGreaterThan(resources);
});

it.each([ResetReason.PROHIBITED, ResetReason.MPTCP_ERROR])(
  'does not try a path again whose MP_TCPRST gave reason %i, transient or not (RFC 8684 §3.6)',
  (reason) => {
    for (const flags of [0, 1]) {
      expect(attempts([{ subtype: 'MP_TCPRST', flags, reason }], 1000 * SECOND)).toBe(1);
    }
  },
);
