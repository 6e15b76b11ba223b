/**
 * A client that speaks just enough of iperf3's control protocol (version 3.1 and later) to have Debian's iperf3 be the
 * kernel's side of a measurement, over sockets of our stack. One stream, either way.
 *
 * ```
 *   control: cookie ->                 <- PARAM_EXCHANGE     parameters ->       <- CREATE_STREAMS
 *   data:    cookie ->
 *   control:                           <- TEST_START, TEST_RUNNING
 *   data:    bytes -> or <-, until the client says TEST_END
 *   control: TEST_END ->               <- EXCHANGE_RESULTS   results ->          <- results, DISPLAY_RESULTS
 *            IPERF_DONE ->
 * ```
 */
import type { UserspaceHost } from '../src/node/index.js';
import type { Socket } from '../src/stack/index.js';
import type { Endpoint } from '../src/wire/index.js';

const TEST_START = 1;
const TEST_RUNNING = 2;
const TEST_END = 4;
const PARAM_EXCHANGE = 9;
const CREATE_STREAMS = 10;
const EXCHANGE_RESULTS = 13;
const DISPLAY_RESULTS = 14;
const IPERF_DONE = 16;

const COOKIE_BYTES = 37;

export interface Iperf3Options {
  readonly remote: Endpoint;
  /** Who sends: `us`, or the kernel (`iperf3 --reverse`). */
  readonly sender: 'us' | 'kernel';
  /** Bytes of each write and read. */
  readonly blockBytes: number;
  /** Seconds that count, and seconds before them that do not. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** A socket of the stack that hands what comes to whoever waits for it. */
class Channel {
  readonly socket: Socket;
  receivedBytes = 0;
  onWritable: () => void = () => undefined;
  private readonly host: UserspaceHost;
  private readonly keep: boolean;
  private pending = Buffer.alloc(0);
  private wanted: { length: number; resolve: (bytes: Buffer) => void } | undefined;
  private fail: (error: Error) => void = () => undefined;
  /** Rejects when the connection ends before its time. */
  readonly broken: Promise<never>;
  readonly established: Promise<void>;

  /** `keep`: what is received is for {@link take}; otherwise it is counted and dropped. */
  constructor(host: UserspaceHost, remote: Endpoint, keep: boolean) {
    this.host = host;
    this.keep = keep;
    this.broken = new Promise((_, reject) => (this.fail = reject));
    this.broken.catch(() => undefined);
    this.socket = host.stack.connect(host.now(), { remote });
    this.established = new Promise((resolve) => {
      this.socket.data = {
        handleEstablished: resolve,
        handleReadable: () => this.receive(),
        handleWritable: () => this.onWritable(),
        handlePeerClosed: () => undefined,
        handlePath: () => undefined,
        handleHostClosed: () => undefined,
        handleClosed: (error: Socket['error']) =>
          this.fail(new Error(error?.message ?? 'iperf3 closed the connection')),
      };
    });
    host.wake();
  }

  /** False: above the high-water mark. */
  send(bytes: Uint8Array): boolean {
    const hasRoom = this.socket.write(this.host.now(), bytes);
    this.host.wake();
    return hasRoom;
  }

  /** The next `length` bytes. */
  take(length: number): Promise<Buffer> {
    const taken = new Promise<Buffer>((resolve) => (this.wanted = { length, resolve }));
    this.serve();
    return Promise.race([taken, this.broken]);
  }

  close(): void {
    this.socket.close(this.host.now());
    this.host.wake();
  }

  private receive(): void {
    const now = this.host.now();
    for (let bytes = this.socket.read(now); bytes !== undefined; bytes = this.socket.read(now)) {
      this.receivedBytes += bytes.length;
      if (this.keep) this.pending = Buffer.concat([this.pending, bytes]);
    }
    this.serve();
    this.host.wake();
  }

  private serve(): void {
    if (this.wanted === undefined || this.pending.length < this.wanted.length) return;
    const { length, resolve } = this.wanted;
    this.wanted = undefined;
    const bytes = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(length);
    resolve(bytes);
  }
}

/** Runs one measurement and returns the goodput in bits per second, as the receiving side counted it. */
export async function runIperf3(host: UserspaceHost, options: Iperf3Options): Promise<number> {
  const control = new Channel(host, options.remote, true);
  await Promise.race([control.established, control.broken]);
  const cookie = Buffer.from(`${'subflow-bench'.padEnd(COOKIE_BYTES - 1, 'x')}\0`);
  control.send(cookie);
  await expectState(control, PARAM_EXCHANGE);
  sendJson(control, {
    tcp: true,
    omit: options.warmUpSeconds,
    time: options.seconds,
    num: 0,
    blockcount: 0,
    parallel: 1,
    len: options.blockBytes,
    pacing_timer: 1000,
    client_version: '3.12',
    ...(options.sender === 'kernel' ? { reverse: true } : {}),
  });
  await expectState(control, CREATE_STREAMS);
  const data = new Channel(host, options.remote, false);
  await Promise.race([data.established, data.broken]);
  data.send(cookie);
  await expectState(control, TEST_START);
  await expectState(control, TEST_RUNNING);
  if (options.sender === 'us') keepSending(data, options.blockBytes);
  await sleep(options.warmUpSeconds);
  const start = { bytes: data.receivedBytes, at: performance.now() };
  await sleep(options.seconds);
  const received = data.receivedBytes - start.bytes;
  const seconds = (performance.now() - start.at) / 1000;
  const theirs = await finish(control, data);
  const bits = options.sender === 'us' ? (theirs.bytes * 8) / theirs.seconds : (received * 8) / seconds;
  data.close();
  control.close();
  return bits;
}

/** Says that the test is over and returns what the other side counted. */
async function finish(control: Channel, data: Channel): Promise<{ bytes: number; seconds: number }> {
  data.onWritable = () => undefined;
  control.send(Uint8Array.of(TEST_END));
  await expectState(control, EXCHANGE_RESULTS);
  const stream = { id: 1, bytes: data.receivedBytes, retransmits: 0, jitter: 0, errors: 0, packets: 0 };
  sendJson(control, {
    cpu_util_total: 0,
    cpu_util_user: 0,
    cpu_util_system: 0,
    sender_has_retransmits: 0,
    streams: [{ ...stream, omitted_errors: 0, omitted_packets: 0, start_time: 0, end_time: 1 }],
  });
  const length = (await control.take(4)).readUInt32BE();
  const results = JSON.parse((await control.take(length)).toString()) as {
    streams: { bytes: number; start_time: number; end_time: number }[];
  };
  await expectState(control, DISPLAY_RESULTS);
  control.send(Uint8Array.of(IPERF_DONE));
  const [counted] = results.streams;
  if (counted === undefined) throw new Error('iperf3 counted no stream');
  return { bytes: counted.bytes, seconds: counted.end_time - counted.start_time };
}

function keepSending(data: Channel, blockBytes: number): void {
  // The stack keeps views of what it is given and nobody writes to it: one block serves for ever.
  const block = new Uint8Array(blockBytes);
  data.onWritable = () => {
    while (data.send(block));
  };
  data.onWritable();
}

async function expectState(control: Channel, state: number): Promise<void> {
  const got = (await control.take(1))[0];
  if (got !== state) throw new Error(`iperf3 went to state ${got}, not ${state}`);
}

function sendJson(control: Channel, value: object): void {
  const text = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  control.send(Buffer.concat([length, text]));
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
