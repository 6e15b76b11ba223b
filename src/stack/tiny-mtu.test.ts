import { expect, it } from 'vitest';
import { isSame, pattern, prefix, readAll, World } from '../../test/support/stack-pair.js';
import { SECOND } from '../base/index.js';
import type { Socket } from './index.js';

it.each([88, 100, 148])(
  'an MTU of %i bytes, hardly more than headers and options, carries the stream',
  (mtu) => {
    const world = new World();
    const client = world.host();
    const server = world.host();
    for (const i of [0, 1])
      world.wire(client, [prefix(`10.0.${i}.1/24`)], server, [prefix(`10.0.${i}.2/24`)], { mtu });
    const listener = server.stack.listen(0, { local: { port: 80 } });
    const socket = client.stack.connect(0, { remote: { address: prefix('10.0.0.2/24').address, port: 80 } });
    world.run(SECOND);
    const peer = listener.accept();
    expect([socket.state, peer?.state]).toEqual(['open', 'open']);
    const sent = pattern(5000);
    for (const end of [socket, peer as Socket]) {
      end.write(world.now, sent.slice());
      end.shutdown(world.now);
    }
    world.run(world.now + 60 * SECOND);
    expect(isSame(readAll(world.now, socket), sent)).toBe(true);
    expect(isSame(readAll(world.now, peer as Socket), sent)).toBe(true);
    for (const host of world.hosts)
      for (const packet of host.sent) expect(packet.length).toBeLessThanOrEqual(mtu);
  },
);
