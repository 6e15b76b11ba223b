import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { Stack } from './stack.js';
import { TransmitBuffer } from './transmit-buffer.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;

function packetFrom(stack: Stack): { readonly interfaceId: number; readonly packet: Uint8Array } {
  const buffer = new TransmitBuffer(new Uint8Array(2000));
  expect(stack.pollTransmit(0, buffer)).toBe(true);
  return { interfaceId: buffer.interfaceId, packet: buffer.packet.slice() };
}

describe('answers', () => {
  const client = new Stack({ random: new SeededRandom(1) });
  client.addInterface(0, {
    name: 'lte',
    mtu: 1500,
    addresses: [{ address: address('10.0.1.2'), prefixLength: 24 }],
  });

  function server(): Stack {
    const stack = new Stack({ random: new SeededRandom(2) });
    for (const [index, text] of ['10.0.0.1', '10.0.1.1'].entries()) {
      stack.addInterface(0, {
        name: `path${index}`,
        mtu: 1500,
        addresses: [{ address: address(text), prefixLength: 24 }],
      });
    }
    return stack;
  }

  it.each([
    ['a SYN with ACK', 80],
    ['a reset', 81],
  ])('leave by the interface that was asked: %s', (_what, port) => {
    client.connect(0, { remote: { address: address('10.0.0.1'), port } });
    const syn = packetFrom(client);
    const stack = server();
    stack.listen(0, { local: { port: 80 } });
    stack.handlePacket(0, 1, syn.packet);
    expect(packetFrom(stack).interfaceId).toBe(1);
  });

  it('leave by the owner of the address when that interface is gone', () => {
    client.connect(0, { remote: { address: address('10.0.0.1'), port: 80 } });
    const syn = packetFrom(client);
    const stack = server();
    stack.listen(0, { local: { port: 80 } });
    stack.handlePacket(0, 1, syn.packet);
    stack.removeInterface(0, 1);
    expect(packetFrom(stack).interfaceId).toBe(0);
  });
});
