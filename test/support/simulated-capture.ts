/**
 * The capture of a transfer over two paths on our own stack, in virtual time, made while it is read: it may be longer than
 * memory or disk could hold.
 */
import { MILLISECOND, NEVER } from '../../src/base/index.js';
import { PcapngWriter } from '../../src/capture/index.js';
import { CaptureObserver, pathAddress, Simulator, TapDevice, twoHosts } from '../../src/network/index.js';
import { Stack } from '../../src/stack/index.js';

const PIECE = new Uint8Array(256 << 10);
/** Virtual time between two chunks: a megabyte or so of capture. */
const STEP_NS = 10 * MILLISECOND;

/**
 * Chunks of a pcapng file of `captureBytes` or a little more, as the client's two interfaces see it: it sends until then, so
 * that a longer capture begins as a shorter one does. Each chunk is the caller's.
 */
export function* simulatedCapture(captureBytes: number): Generator<Uint8Array> {
  const simulator = new Simulator(1);
  const writer = new PcapngWriter();
  startTransfer(simulator, writer);
  let written = 0;
  for (let now = STEP_NS; written < captureBytes; now += STEP_NS) {
    simulator.runUntil(now);
    const chunk = writer.take();
    written += chunk.length;
    yield chunk;
  }
}

/** A client that sends to a server for ever, both its interfaces captured by `writer`. */
function startTransfer(simulator: Simulator, writer: PcapngWriter): void {
  const both = { rateBps: 500e6, delayNs: 10 * MILLISECOND, queue: { bytes: 1_250_000 } };
  const { client, server } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork() }),
    server: new Stack({ random: simulator.random.fork() }),
    paths: [0, 1].map((path) => ({
      both,
      wrap: (device, side) =>
        side === 'server'
          ? device
          : new TapDevice(device, [new CaptureObserver(writer, { name: `client/path${path}` })]),
    })),
  });
  const listener = server.stack.listen(0, { local: { port: 80 } });
  server.run(0, {
    handleEvent: (now, event) => {
      if (event.type === 'acceptable') listener.accept();
      else if (event.type === 'readable') while (event.socket.read(now) !== undefined);
    },
    pollTimeout: () => NEVER,
    handleTimeout: () => undefined,
  });
  const socket = client.stack.connect(0, { remote: { address: pathAddress(0, 'server', 4), port: 80 } });
  client.run(0, {
    handleEvent: (now, event) => {
      if (event.type === 'established' || event.type === 'writable') while (socket.write(now, PIECE));
    },
    pollTimeout: () => NEVER,
    handleTimeout: () => undefined,
  });
}
