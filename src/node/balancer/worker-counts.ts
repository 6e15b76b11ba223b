/**
 * What a worker of the data path in user space counts, in memory that the main thread reads without asking: a number of 64 bits for each, which
 * one thread writes. Owns the layout.
 */
import { type Balancer, maxServerId, verdictReasonNames } from '../../balancer/index.js';

/** Names of the counts, in order; those of reasons go before them. */
const names = [
  ...[
    'joins',
    'joinsByChance',
    'misSteersAvoided',
    'entriesMade',
    'entriesExpired',
    'entriesDisplaced',
    'untracked',
  ],
  ...['tokensLearned', 'tokensRefused', 'tokenCollisions', 'bucketsMoved', 'tokensMissed'],
  ...[
    'resetsSent',
    'resetsWithheld',
    'passedOver',
    'noRoute',
    'tooLong',
    'sendQueueFull',
    'checksumsFinished',
  ],
  ...['entries', 'tableBytes'],
] as const;

/** Name of a count. */
export type CountName = (typeof names)[number];

const reasons = verdictReasonNames.length;
const servers = reasons + names.length;
const subflows = servers + maxServerId + 1;
const bytes = 8 * (subflows + maxServerId + 1);

/** What one worker counted. */
export class WorkerCounts {
  readonly memory: SharedArrayBuffer;
  private readonly values: Float64Array;

  constructor(memory = new SharedArrayBuffer(bytes)) {
    this.memory = memory;
    this.values = new Float64Array(memory);
  }

  /** Packets by reason, in the order of `verdictReasonNames`. */
  get reasons(): readonly number[] {
    return [...this.values.subarray(0, reasons)];
  }

  get(name: CountName): number {
    return this.values[reasons + names.indexOf(name)]!;
  }

  set(name: CountName, value: number): void {
    this.values[reasons + names.indexOf(name)] = value;
  }

  /** A packet went to the server with this number. */
  countForwarded(server: number): void {
    this.values[servers + server]!++;
  }

  /** Packets that went to the server with this number. */
  forwardedTo(server: number): number {
    return this.values[servers + server]!;
  }

  /** A subflow began at the server with this number. */
  countSubflow(server: number): void {
    this.values[subflows + server]!++;
  }

  /** Subflows that began at the server with this number. */
  subflowsAt(server: number): number {
    return this.values[subflows + server]!;
  }

  /** Shows what the balancer has counted so far. */
  publish({ counters, steeringCounters: steering, entryCount, tableBytes }: Balancer): void {
    this.values.set(counters.byReason, 0);
    this.set('joins', steering.joins);
    this.set('joinsByChance', steering.joinsByChance);
    this.set('misSteersAvoided', steering.misSteersAvoided);
    this.set('entriesMade', steering.entriesMade);
    this.set('entriesExpired', steering.entriesExpired);
    this.set('entriesDisplaced', steering.entriesDisplaced);
    this.set('untracked', steering.untracked);
    this.set('tokensRefused', steering.tokensRefused);
    this.set('tokenCollisions', steering.tokenCollisions);
    this.set('bucketsMoved', steering.bucketsMoved);
    this.set('entries', entryCount);
    this.set('tableBytes', tableBytes);
  }
}

/** All names but those that {@link DataPathCounters} has fields for. */
export const otherCountNames = names.filter(
  (name) => !['joins', 'joinsByChance', 'misSteersAvoided', 'entries', 'tableBytes'].includes(name),
);
