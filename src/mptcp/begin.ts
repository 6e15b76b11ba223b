/**
 * How a connection begins: what its owner says, the state it starts in, and what TCP is told of each of its subflows.
 * Read first: RFC 8684 §3.1.
 */
import type { RandomSource, Uint64 } from '../base/index.js';
import type { FastOpenAnswer, FastOpenOffer, TcpConnection, TcpParameters } from '../tcp/index.js';
import type { MptcpVersion } from '../wire/index.js';
import { keyState } from './core.js';
import type { ConnectionCore } from './core.js';
import { fallBack } from './fallback.js';
import { assignMeters } from './metering.js';
import { ACK_OPTION_BYTES, dataOptionBytes, synOptionBytes } from './options-out.js';
import type { DataRecord } from './send-record.js';
import type { MptcpSettings } from './settings.js';
import { Subflow } from './subflow.js';
import type { FlowTuple } from './subflow.js';
import { drawKey } from './version.js';

/** How a passive connection begins; the rest is in the SYN. */
export interface AcceptOptions {
  readonly settings: MptcpSettings;
  /** Parameters of the initial subflow's TCP connection. */
  readonly parameters: TcpParameters;
  /** Keys and nonces come from it; on a real network it must be a cryptographic source. */
  readonly random: RandomSource;
  /**
   * This side's key, when the owner drew it to keep tokens unique (see {@link drawKey}, which wants to know the version:
   * `versionFor` tells it for a SYN); drawn from `random` else.
   */
  readonly key?: Uint64;
  /** How Fast Open in the SYN is taken; left out: not at all. */
  readonly fastOpen?: FastOpenAnswer | undefined;
  /**
   * With Fast Open in version 1: whether data may leave before the client's key has come, which some clients take badly
   * (see `holdsAnswer`). False when left out.
   */
  readonly answersEarly?: boolean;
}

/** How an active connection begins. */
export interface ConnectOptions extends Omit<AcceptOptions, 'fastOpen' | 'answersEarly'> {
  readonly tuple: FlowTuple;
  /** Version to ask for, one of the settings' (what the owner remembers of the peer); their first when left out. */
  readonly version?: MptcpVersion;
  /** What the SYN offers for Fast Open; what is written before the first poll goes along then, as far as it fits. */
  readonly fastOpen?: FastOpenOffer | undefined;
}

/** Puts the initial subflow in place. */
export function begin(
  core: ConnectionCore,
  tcp: TcpConnection<DataRecord>,
  parameters: TcpParameters,
  isMultipath: boolean,
  key: Uint64 | undefined,
): Subflow {
  const subflow = new Subflow({
    id: core.nextSubflowId++,
    tuple: core.tuple,
    localId: 0,
    remoteId: 0,
    backup: false,
    join: undefined,
    staleTimeouts: core.settings.staleTimeouts,
    tcp,
  });
  core.subflows.push(subflow);
  prepare(core, subflow, parameters);
  if (!isMultipath) {
    fallBack(core, subflow, core.settings.enabled ? 'no-capable-in-syn' : 'disabled');
    subflow.tcp.synOptionBytes = synOptionBytes(core);
    return subflow;
  }
  core.localKeys = keyState(core.rules, key ?? drawKey(core.random, core.rules.number).key);
  core.tell({ type: 'token', token: core.localKeys.token, active: true });
  return subflow;
}

/** Tells TCP what a Multipath TCP subflow needs of it. */
export function prepare(core: ConnectionCore, subflow: Subflow, parameters: TcpParameters): void {
  subflow.maxOffloadBytes = parameters.maxOffloadBytes;
  subflow.tcp.dataOptionBytes = dataOptionBytes(core);
  subflow.tcp.ackOptionBytes = ACK_OPTION_BYTES;
  subflow.tcp.synOptionBytes = synOptionBytes(core);
  assignMeters(core);
}
