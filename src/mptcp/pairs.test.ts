import { expect, it } from 'vitest';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { SECOND } from '../base/index.js';
import { IpAddress, addAddrHmac } from '../wire/index.js';

it('goes on to try new addresses of a peer whose addresses come and go', () => {
  const impostor = new Impostor();
  const { connection } = impostor;
  const own = { address: IpAddress.parse('10.0.0.1')!, id: 1, port: 0, backup: false };
  connection.setLocalAddresses(impostor.now, [{ ...own, signal: false, subflow: true }]);
  impostor.poll();
  const asked = new Set<string>();
  for (let i = 1; i <= 200; i++) {
    const address = IpAddress.parse(`10.2.0.${i}`)!;
    const hmac = addAddrHmac(impostorKey, ownKey, { addressId: 9, address, port: 0 });
    impostor.send({
      options: [{ subtype: 'ADD_ADDR', version: 1, echo: false, addressId: 9, address, hmac }],
    });
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
