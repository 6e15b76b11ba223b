/** The demo on a terminal: a live picture of both paths, and the summary at the end. Plain text in, plain text out. */

import { formatDuration, formatRate, formatShare, formatSize } from '../units.js';
import type { DemoParameters, PathParameters } from './parameters.js';
import type { DemoReport, DemoSample, PathSample } from './result.js';

const sparks = '▁▂▃▄▅▆▇█';
const historyLength = 24;

/** Where the picture goes: a terminal. */
export interface Terminal {
  write(text: string): void;
  /** Columns, or undefined where it is not known. */
  readonly columns?: number | undefined;
}

/** What a path carried between two samples, and lately. */
interface PathHistory {
  readonly parameters: PathParameters;
  bytes: number;
  rateBps: number;
  /** Rates of the latest samples, oldest first, bit/s. */
  readonly rates: number[];
}

/** Draws samples over each other. */
export class LiveView {
  private readonly terminal: Terminal;
  private readonly sizeBytes: number;
  private readonly histories: PathHistory[];
  private lastAtNs = 0;
  private drawnLines = 0;

  constructor(terminal: Terminal, parameters: DemoParameters) {
    this.terminal = terminal;
    this.sizeBytes = parameters.sizeBytes;
    this.histories = [parameters.wifi, parameters.lte].map((path) => ({
      parameters: path,
      bytes: 0,
      rateBps: 0,
      rates: [],
    }));
  }

  /** Replaces the picture by that of `sample`. */
  draw(sample: DemoSample): void {
    const elapsedNs = sample.atNs - this.lastAtNs;
    if (elapsedNs <= 0) return;
    this.lastAtNs = sample.atNs;
    const lines = this.histories.map((history, index) => {
      const path = sample.paths[index]!;
      history.rateBps = ((path.bytes - history.bytes) * 8e9) / elapsedNs;
      history.bytes = path.bytes;
      history.rates.push(history.rateBps);
      if (history.rates.length > historyLength) history.rates.shift();
      return pathLine(history, path);
    });
    this.replace([...lines, '', this.progressLine(sample)]);
  }

  private progressLine(sample: DemoSample): string {
    const share = Math.min(1, sample.bytes / this.sizeBytes);
    const filled = Math.round(share * 40);
    const bar = '█'.repeat(filled) + '░'.repeat(40 - filled);
    const rate = this.histories.reduce((sum, history) => sum + history.rateBps, 0);
    return `  ${bar} ${formatShare(share).padStart(5)}  ${formatSize(sample.bytes)}  ${formatRate(rate)}  ${formatDuration(sample.atNs)}`;
  }

  private replace(lines: readonly string[]): void {
    const width = this.terminal.columns ?? 120;
    const up = this.drawnLines > 0 ? `\x1b[${this.drawnLines}A` : '';
    const body = lines.map((line) => `\x1b[2K${[...line].slice(0, width - 1).join('')}\n`).join('');
    this.terminal.write(up + body);
    this.drawnLines = lines.length;
  }
}

function pathLine(history: PathHistory, path: PathSample): string {
  const { name, rateBps, delayNs } = history.parameters;
  const spark = history.rates
    .map((rate) => sparks[Math.min(sparks.length - 1, Math.floor((rate / rateBps) * sparks.length))]!)
    .join('');
  const rtt = path.rttNs === undefined ? '-' : formatDuration(path.rttNs);
  return [
    `  ${name.padEnd(5)}${formatRate(rateBps).padStart(12)} ${formatDuration(delayNs).padStart(7)}`,
    spark.padEnd(historyLength),
    formatRate(history.rateBps).padStart(13),
    `rtt ${rtt.padStart(7)}`,
    formatSize(path.bytes).padStart(9),
    path.state,
  ].join('  ');
}

/** One line on what is about to happen. */
export function introduction(parameters: DemoParameters, peer: string): string {
  const cut = {
    share: () => `the Wi-Fi dies at ${formatShare((parameters.failAt as { share: number }).share)}`,
    time: () => `the Wi-Fi dies after ${formatDuration((parameters.failAt as { atNs: number }).atNs)}`,
    never: () => 'both paths stay up',
  }[parameters.failAt.kind]();
  return `Downloading ${formatSize(parameters.sizeBytes)} from ${peer} over Wi-Fi and LTE; ${cut}.`;
}

/** The summary for a person, several lines. */
export function summary(report: DemoReport): string {
  const lines = [
    `Received ${formatSize(report.bytes)} in ${formatDuration(report.durationMs * 1e6)}: ${formatRate(report.goodputBps)}` +
      ` over ${report.multipath ? 'Multipath TCP' : 'plain TCP (the peer declined MPTCP)'}`,
    ...report.paths.map(
      (path) =>
        `  ${path.name.padEnd(5)} ${formatSize(path.bytes).padStart(9)}  ${formatShare(path.share).padStart(5)}` +
        `  rtt ${path.rttMs === null ? '-' : formatDuration(path.rttMs * 1e6)}  ${path.state}`,
    ),
  ];
  if (report.failedAtMs !== null && report.handoverGapMs !== null) {
    lines.push(
      `Wi-Fi died at ${formatDuration(report.failedAtMs * 1e6)}; longest silence for the application after that:` +
        ` ${formatDuration(report.handoverGapMs * 1e6)}`,
    );
  }
  lines.push(`SHA-256 ${report.sha256Match ? 'matches' : 'DOES NOT MATCH'}: ${report.sha256}`);
  if (report.pcap !== null) lines.push(`Packets are in ${report.pcap}`);
  return lines.join('\n');
}
