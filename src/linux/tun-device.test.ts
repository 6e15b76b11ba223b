import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { describeWith } from '../../test/support/with-rights.js';
import { bridge, Packet } from '../network/index.js';
import { mayCreateNamespaces, mayCreateTun } from './capabilities.js';
import { connectKernel, listenKernel } from './kernel-socket.js';
import { NetworkNamespace } from './namespace.js';
import { TunDevice } from './tun-device.js';

const owner = { beginInput: () => Number(process.hrtime.bigint()), endInput: () => undefined };

describeWith('TUN devices between two kernels', [mayCreateTun(), mayCreateNamespaces()], () => {
  const left = NetworkNamespace.create('left');
  const right = NetworkNamespace.create('right');
  afterAll(() => {
    left.close();
    right.close();
  });

  it.each([
    ['IPv4', '10.5.0.', 24, true],
    ['IPv4 without offload', '10.5.0.', 24, false],
    ['IPv6', 'fd05::', 64, true],
  ] as const)('carry TCP whole, %s', async (_, prefix, bits, offload) => {
    const leftDevice = new TunDevice({ name: 'tun0', namespace: left, offload }, owner);
    const rightDevice = new TunDevice({ name: 'tun0', namespace: right, offload }, owner);
    bridge(leftDevice, rightDevice);
    left.ip(`address add ${prefix}1/${bits} dev tun0`, 'link set tun0 up');
    right.ip(`address add ${prefix}2/${bits} dev tun0`, 'link set tun0 up');
    const data = randomBytes(8 << 20);
    const { server, digest } = hashingServer(`${prefix}2`, right);
    const socket = new Socket({
      fd: connectKernel({
        address: `${prefix}2`,
        port: (server.address() as AddressInfo).port,
        namespace: left,
      }),
    });
    socket.end(data);
    expect(await digest).toBe(createHash('sha256').update(data).digest('hex'));
    expect(leftDevice.tun.statistics.packetsDropped).toBe(0);
    server.close();
    socket.destroy();
    leftDevice.close();
    rightDevice.close();
  });

  it('are down when the interface was removed, and lose what is sent', async () => {
    const device = new TunDevice({ name: 'gone0', namespace: left }, owner);
    const states: boolean[] = [];
    device.attach({ handlePacket: () => undefined, handleCarrier: (_now, up) => states.push(up) });
    left.ip('address add 10.6.0.1/24 dev gone0', 'link set gone0 up');
    while (states.at(-1) !== true) await new Promise(setImmediate);
    left.ip('link delete gone0');
    device.send(0, new Packet(new Uint8Array(40).fill(0x45, 0, 1), 0, false));
    while (states.at(-1) !== false) await new Promise(setImmediate);
    device.send(0, new Packet(new Uint8Array(40).fill(0x45, 0, 1), 0, false));
    expect(device.isUp).toBe(false);
    device.close();
  });

  it('hear when the interface goes down and comes up', async () => {
    const device = new TunDevice({ name: 'tun1', namespace: left }, owner);
    const changes: boolean[] = [];
    let heard: () => void = () => undefined;
    device.attach({
      handlePacket: () => undefined,
      handleCarrier: (_now, up) => {
        changes.push(up);
        heard();
      },
    });
    const change = (command: string) =>
      new Promise<void>((resolve) => {
        heard = resolve;
        left.ip(command);
      });
    expect(device.isUp).toBe(false);
    await change('link set tun1 up');
    expect(device.isUp).toBe(true);
    await change('link set tun1 down');
    expect(device.isUp).toBe(false);
    expect(changes).toEqual([true, false]);
    device.close();
    device.close();
    expect(device.isUp).toBe(false);
  });
});

/** A server that takes one connection and hashes what comes. */
function hashingServer(
  address: string,
  namespace: NetworkNamespace,
): { server: Server; digest: Promise<string> } {
  const server = createServer();
  server.listen({ fd: listenKernel({ address, port: 0, namespace }) });
  const digest = once(server, 'connection').then(async ([socket]: Socket[]) => {
    const hash = createHash('sha256');
    for await (const chunk of socket!) hash.update(chunk as Buffer);
    return hash.digest('hex');
  });
  return { server, digest };
}
