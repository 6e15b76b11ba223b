/**
 * A server of Linux's that answers what came in the SYN, at once: before our third ACK, and whatever happens to the
 * packets of the handshake. Linux keeps such an answer until it hears a DATA_ACK.
 */
import { createServer, type Server } from 'node:net';
import { expect, it } from 'vitest';
import { MILLISECOND } from '../../src/base/index.js';
import {
  acceptFastOpen,
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayCreateTun,
  type KernelProtocol,
} from '../../src/linux/index.js';
import { describeWith } from '../support/with-rights.js';
import { ScheduledBox, type Mishap } from './support/scheduled-box.js';
import { Payload, type OurTransfer } from './support/transfer.js';
import { TwoPaths, type Family } from './support/two-paths.js';

const rights = [mayCreateNamespaces(), mayCreateTun(), kernelMptcp()];
const link = { both: { delayNs: 30 * MILLISECOND } };
const PORT = 7001;
const ANSWER_BYTES = 1_000;
/** Longer than the first retransmission time-out of either side. */
const LATE_NS = 1_300 * MILLISECOND;

/** Answers the first bytes that it reads, and reads on. */
function answeringServer(paths: TwoPaths, protocol: KernelProtocol): Server {
  const address = paths.family === 4 ? '0.0.0.0' : '::';
  const prepare = (fd: number): void => acceptFastOpen(fd, 16, false);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(new Payload(ANSWER_BYTES).bytes));
    socket.on('data', () => undefined);
  });
  const fd = listenKernel({ address, port: PORT, namespace: paths.kernel, protocol, prepare });
  return server.listen({ fd });
}

interface Setup {
  readonly family?: Family;
  readonly protocol?: KernelProtocol;
  readonly mishap?: Mishap;
  /** Bytes written with the SYN, and what is written once the SYN is answered. */
  readonly request?: readonly [number, number];
}

/** Asks, and waits for the whole answer. */
async function ask(setup: Setup, check: (ours: OurTransfer, paths: TwoPaths) => void): Promise<void> {
  const { family = 4, protocol = 'mptcp', request = [400, 0], mishap } = setup;
  const box = mishap && new ScheduledBox(mishap);
  const paths = new TwoPaths({ family, links: [link, link], ...(box && { box }) });
  try {
    paths.kernel.sysctl('net.ipv4.tcp_fastopen', 3);
    const server = answeringServer(paths, protocol);
    const ours = paths.act((now) => {
      const remote = paths.kernelEndpoint(1, PORT);
      const socket = paths.stack.connect(now, { remote, fastOpen: 'without-cookie' });
      socket.write(now, new Payload(request[0]).bytes);
      return paths.application.add(socket, new Payload(request[1]).bytes, 'after-peer');
    });
    await ours.until(() => ours.receivedBytes === ANSWER_BYTES);
    expect(box?.hasStruck).not.toBe(false);
    check(ours, paths);
    server.close();
  } finally {
    paths.close();
  }
}

const families: [Family][] = [[4], [6]];
const mishaps: readonly (readonly [string, Mishap])[] = [
  ['the SYN is lost', { direction: 'outward', index: 0, fate: 'lost' }],
  ['the SYN comes twice', { direction: 'outward', index: 0, fate: 'twice' }],
  ['the SYN is overtaken by the next', { direction: 'outward', index: 0, fate: LATE_NS }],
  ['the SYN+ACK is lost', { direction: 'inward', index: 0, fate: 'lost' }],
  ['the SYN+ACK comes twice', { direction: 'inward', index: 0, fate: 'twice' }],
  ['the SYN+ACK is overtaken by the next', { direction: 'inward', index: 0, fate: LATE_NS }],
  ['the third ACK is lost', { direction: 'outward', index: 1, fate: 'lost' }],
  ['the third ACK comes twice', { direction: 'outward', index: 1, fate: 'twice' }],
  ['the third ACK is overtaken by the next', { direction: 'outward', index: 1, fate: LATE_NS }],
];

describeWith("Linux's answer to what came in the SYN (RFC 8684 §B.2)", rights, () => {
  it.each(families)('comes though it was written before the third ACK, over IPv%d', (family) =>
    ask({ family }, (ours, paths) => {
      expect(ours.socket.connection.fastOpen).toMatchObject({ acceptedBytes: 400 });
      expect(ours.socket.connection.isFallback).toBe(false);
      expect(paths.kernel.counters().get('TcpExtTCPFastOpenPassive')).toBe(1);
    }),
  );

  it('comes though the request goes on after the SYN and nothing follows that', () =>
    ask({ request: [400, 50] }, (ours) => {
      expect(ours.socket.connection.fastOpen).toMatchObject({ acceptedBytes: 400 });
      expect(ours.socket.connection.isFallback).toBe(false);
    }));

  it.each(mishaps)('comes when %s', (_name, mishap) =>
    ask({ mishap }, (ours) => expect(ours.socket.connection.isFallback).toBe(false)),
  );

  it.each(mishaps)('comes over plain TCP when %s', (_name, mishap) =>
    ask({ mishap, protocol: 'tcp' }, (ours) => expect(ours.socket.connection.isFallback).toBe(true)),
  );
});
