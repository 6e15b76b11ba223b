/** `subflow get URL`: downloads over Multipath TCP. HTTP and TLS are Node's own, on top of our sockets. */

import { createHash, randomBytes, type Hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { SECOND } from '../base/index.js';
import { ExitStatus, FailureError, UsageError } from './errors.js';
import { openUrl, type HttpExchange, type RequestOptions } from './http-client.js';
import { ProgressLine } from './progress.js';
import { SubflowLog, type SubflowReport } from './subflow-report.js';
import { addTransportFlags, openTransport, type ChosenTransport, type TransportFlags } from './transport.js';
import { formatDuration, formatRate, formatSize, parseInteger, parseTimer } from './units.js';

/** The object that `--json` prints. Fields are only ever added. */
interface GetReport {
  readonly schema: 'subflow/get/1';
  readonly url: string;
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly durationMs: number;
  readonly goodputBps: number;
  readonly transport: string;
  /** Whether the connection spoke Multipath TCP to the end. */
  readonly multipath: boolean;
  /** Why it did not, in a sentence; null where it did. */
  readonly fallback: string | null;
  /** Version of Multipath TCP that the connection began with; null in plain TCP. */
  readonly mptcpVersion: number | null;
  /** Whether the server took the request from the SYN; null without Fast Open. */
  readonly fastOpen: boolean | null;
  /** With `--converter`: whether the converter carried it, or it went to the server directly; else null. */
  readonly way: 'converter' | 'direct' | null;
  readonly subflows: readonly SubflowReport[];
  /** The file written; null for standard output. */
  readonly output: string | null;
}

interface GetFlags extends TransportFlags {
  readonly output?: string;
  readonly timeout: string;
  readonly maxRedirects: string;
  readonly converter?: string;
  readonly json?: true;
}

/** Where the body goes. A file appears under its name only when it is whole. */
interface Target {
  readonly stream: Writable;
  /** The file's name; undefined for standard output. */
  readonly path: string | undefined;
  /** Puts the file in its place. */
  finish(): Promise<void>;
  /** Removes what was written so far. */
  discard(): void;
}

/** The file that a URL's last segment names, as other download tools do. */
function fileNameOf(url: URL): string {
  const name = basename(decoded(url.pathname));
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? 'index.html' : name;
}

/** As it is where the escapes in it are no UTF-8. */
function decoded(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** Opens the target before anything is asked of the network, so that a file that cannot be written costs nothing. */
async function openTarget(output: string): Promise<Target> {
  if (output === '-') {
    return {
      stream: process.stdout,
      path: undefined,
      finish: () => Promise.resolve(),
      discard: () => undefined,
    };
  }
  const partial = `${output}.${randomBytes(4).toString('hex')}.part`;
  try {
    if (await isDevice(output)) {
      const device = await open(output, 'w');
      return {
        stream: device.createWriteStream(),
        path: output,
        finish: () => Promise.resolve(),
        discard: () => undefined,
      };
    }
    const file = await open(partial, 'wx');
    return {
      stream: file.createWriteStream(),
      path: output,
      finish: () => rename(partial, output),
      discard: () => rmSync(partial, { force: true }),
    };
  } catch (error) {
    throw new FailureError(`cannot write ${output}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether `path` is there and takes bytes without being a file: a device or a pipe, which no file may take the place of. */
async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Whoever read standard output went away, as `head` does when it has enough. */
class ReaderLeft extends Error {}

/** Counts and hashes what passes through. */
function meter(hash: Hash, onBytes: (total: number) => void): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      total += chunk.length;
      onBytes(total);
      callback(null, chunk);
    },
  });
}

/** Copies the body to the target and checks that all of it came. Returns its size in bytes and its hash. */
async function receiveBody(
  response: IncomingMessage,
  target: Target,
  progress: ProgressLine,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let hasReaderLeft = false;
  const noteError = ({ code }: NodeJS.ErrnoException): void => {
    hasReaderLeft = target.path === undefined && code === 'EPIPE';
  };
  const metered = meter(hash, (total) => {
    bytes = total;
    progress.update(total);
  });
  target.stream.once('error', noteError);
  try {
    await pipeline(response, metered, target.stream, { end: target.path !== undefined });
  } catch (error) {
    if (hasReaderLeft) throw new ReaderLeft();
    throw new FailureError(`the download broke off after ${formatSize(bytes)}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    target.stream.off('error', noteError);
    progress.end();
  }
  return { bytes, sha256: hash.digest('hex') };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`'${text}' is not an http or https URL`);
  }
  return url;
}

async function get(text: string, flags: GetFlags): Promise<GetReport> {
  const url = parseUrl(text);
  const transport = openTransport(flags);
  try {
    return await getOver(url, flags, transport);
  } finally {
    transport.close();
  }
}

async function getOver(url: URL, flags: GetFlags, transport: ChosenTransport): Promise<GetReport> {
  const options: RequestOptions = {
    transport: transport.options,
    fastOpen: transport.fastOpen === 'with-cookie' ? true : transport.fastOpen,
    timeoutMs: parseTimer(flags.timeout),
    maxRedirects: parseInteger(flags.maxRedirects, 0, 20),
    converter: flags.converter,
  };
  const target = await openTarget(flags.output ?? fileNameOf(url));
  // A signal ends the program as ever, but leaves no half of a file.
  const stop = (signal: NodeJS.Signals): void => {
    target.discard();
    process.kill(process.pid, signal);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const report = await download(url, options, target, flags.json !== true);
    await target.finish();
    return report;
  } catch (error) {
    target.stream.destroy();
    target.discard();
    throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function download(
  url: URL,
  options: RequestOptions,
  target: Target,
  showProgress: boolean,
): Promise<GetReport> {
  const startedAt = process.hrtime.bigint();
  const exchange: HttpExchange = await openUrl(url, options);
  const { response, socket } = exchange;
  const status = response.statusCode ?? 0;
  try {
    if (status < 200 || status > 299) {
      const reason = `${exchange.url.href} answered ${status} ${response.statusMessage ?? ''}`;
      throw new FailureError(reason.trimEnd());
    }
    const expected = Number(response.headers['content-length'] ?? NaN);
    const progress = new ProgressLine(process.stderr, expected, showProgress);
    const log = new SubflowLog(socket);
    log.update();
    const sampler = setInterval(() => log.update(), 50);
    response.once('end', () => log.update());
    const multipath = socket.isMultipath;
    const { fallback, version: mptcpVersion = null } = socket.multipath;
    const fastOpen = socket.fastOpen?.isAccepted ?? null;
    const { bytes, sha256 } = await receiveBody(response, target, progress).finally(() =>
      clearInterval(sampler),
    );
    const elapsedNs = Number(process.hrtime.bigint() - startedAt);
    return {
      schema: 'subflow/get/1',
      url: exchange.url.href,
      status,
      bytes,
      sha256,
      durationMs: Math.round(elapsedNs / 1e6),
      goodputBps: Math.round((bytes * 8 * SECOND) / elapsedNs),
      transport: socket.transport,
      multipath,
      fallback: fallback?.text ?? null,
      mptcpVersion,
      fastOpen,
      way: socket.converted?.way ?? null,
      subflows: log.update(),
      output: target.path ?? null,
    };
  } finally {
    exchange.close();
  }
}

function summary(report: GetReport): string {
  const how = report.multipath
    ? 'Multipath TCP'
    : `plain TCP (${report.fallback ?? 'the connection ended early'})`;
  return [
    `${report.output ?? 'standard output'}: ${formatSize(report.bytes)} in ${formatDuration(report.durationMs * 1e6)}` +
      ` (${formatRate(report.goodputBps)}) over ${how}`,
    ...report.subflows.map(
      (subflow) =>
        `  ${subflow.local} -> ${subflow.remote}  ${formatSize(subflow.bytesReceived)}${subflow.backup === true ? '  backup' : ''}`,
    ),
  ].join('\n');
}

/** Declares `subflow get`. */
export function declareGet(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Downloads a URL over Multipath TCP; falls back to TCP where the server does not speak it, and says so.',
    )
    .argument('<url>', 'an http or https URL')
    .option('-o, --output <file>', "where to write; '-' is standard output (default: the URL's last part)")
    .option('--timeout <duration>', 'give up when nothing arrives for so long', '30s')
    .option('--max-redirects <count>', 'how many redirects to follow', '5')
    .option('--converter <place>', 'go through a Transport Converter (RFC 8803), as in 192.0.2.1:5124')
    .option('--json', 'print one JSON object at the end');
  addTransportFlags(command).action(async (url: string, flags: GetFlags) => {
    if (flags.json === true && flags.output === '-') {
      throw new UsageError('--json and --output - both want standard output', 'write the body to a file');
    }
    const report = await get(url, flags).catch((error: unknown) => {
      if (error instanceof ReaderLeft) return undefined;
      throw error;
    });
    setStatus(ExitStatus.done);
    if (report === undefined) return;
    if (flags.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
    else process.stderr.write(`${summary(report)}\n`);
  });
}
