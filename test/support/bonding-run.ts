/**
 * An upload over several unequal uplinks, and which part of what they carry together it reaches: through `subflow bond` and a converter
 * from a host of plain TCP behind them, or, to compare, straight from the kernel's own Multipath TCP. Times are the machine's own: what
 * is measured needs one that is not busy with anything else.
 */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKernel } from '../../src/linux/index.js';
import { Daemon } from './program-lines.js';
import { STUDIO_ADDRESS, UplinkLab, type UplinkShape } from './uplink-lab.js';

/** Who sends. */
export type BondingSender = 'kernel' | 'bond';

/** Uplinks by how many there are, unlike each other in rate and delay. */
export const unequalUplinks: Readonly<Record<'two' | 'three' | 'four', readonly UplinkShape[]>> = {
  two: [
    { rateMbit: 12, delayMs: 10 },
    { rateMbit: 6, delayMs: 30 },
  ],
  three: [
    { rateMbit: 12, delayMs: 10 },
    { rateMbit: 6, delayMs: 30 },
    { rateMbit: 3, delayMs: 45 },
  ],
  four: [
    { rateMbit: 12, delayMs: 10 },
    { rateMbit: 6, delayMs: 30 },
    { rateMbit: 4, delayMs: 45 },
    { rateMbit: 2, delayMs: 20 },
  ],
};

const PORT = 9000;
const CONVERTER = `${STUDIO_ADDRESS[4]}:5124`;
/** Time in which congestion control finds out what the uplinks carry. */
const WARM_MS = 4_000;
const chunk = Buffer.alloc(65_536, 'subflow ');

/**
 * What of an IP packet of 1500 bytes is an upload's: IPv4 and TCP take 40 bytes, timestamps 12 (RFC 7323 §3.2), the mapping up to 28
 * (RFC 8684 §3.3).
 */
export const PAYLOAD_PART = (1500 - 40 - 12 - 28) / 1500;

/** Which part of the sum of the rates arrives as the upload's own bytes, 0 to 1, over `windowMs` after a while. */
export async function bondedPart(
  shapes: readonly UplinkShape[],
  sender: BondingSender,
  windowMs: number,
): Promise<number> {
  const lab = new UplinkLab(shapes, { hasEndpoints: sender === 'kernel' });
  const daemons: Daemon[] = [];
  let socket: net.Socket | undefined;
  try {
    let arrived = 0;
    lab.listen(PORT, (accepted) => accepted.on('data', (data: Buffer) => (arrived += data.length)));
    if (sender === 'bond') daemons.push(...(await startBond(lab)));
    socket = upload(lab, sender);
    await sleep(WARM_MS);
    const [before, beganAt] = [arrived, performance.now()];
    await sleep(windowMs);
    const seconds = (performance.now() - beganAt) / 1000;
    const sumBps = shapes.reduce((sum, { rateMbit }) => sum + rateMbit * 1e6, 0);
    return ((arrived - before) * 8) / seconds / sumBps;
  } finally {
    socket?.destroy();
    await Promise.all(daemons.map((daemon) => daemon.end('SIGKILL')));
    lab.close();
  }
}

async function startBond(lab: UplinkLab): Promise<Daemon[]> {
  const converter = new Daemon(lab.studio, [
    ...[
      'converter',
      '--listen',
      CONVERTER,
      '--allow-private',
      '--allow-loopback',
      '--allow-client',
      '10.0.0.0/8',
    ],
  ]);
  const bond = new Daemon(lab.van, ['bond', '--via', CONVERTER, '--lan', 'lan0']);
  await Promise.all([converter.until('listening'), bond.until('started')]);
  return [converter, bond];
}

/** Sends for as long as it is let. */
function upload(lab: UplinkLab, sender: BondingSender): net.Socket {
  const fd = connectKernel({
    ...{ address: STUDIO_ADDRESS[4], port: PORT },
    ...(sender === 'kernel' ? { namespace: lab.van } : { namespace: lab.lan, protocol: 'tcp' }),
  });
  const socket = new net.Socket({ fd });
  const pump = (): void => {
    while (socket.write(chunk));
  };
  socket.on('error', () => undefined).on('drain', pump);
  pump();
  return socket;
}
