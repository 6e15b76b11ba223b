/** The engine's subflows and path notices in the words of the public API. */
import { NEVER } from '../base/index.js';
import type { FallbackEvent, Subflow } from '../mptcp/index.js';
import type { PathNotice } from '../stack/index.js';
import type { AddressEvent, ExperimentEvent, SubflowEvent, SubflowInfo } from './socket.js';

/** A subflow as it is now. */
export function describeSubflow(subflow: Subflow): SubflowInfo {
  const { local, remote, tcp } = subflow;
  const { statistics } = tcp;
  const { srttNs, rttvarNs, minRttNs } = tcp.rtt;
  const hasRtt = srttNs !== 0;
  return {
    id: subflow.id,
    localAddress: local.address.toString(),
    localPort: local.port,
    remoteAddress: remote.address.toString(),
    remotePort: remote.port,
    backup: subflow.isBackup,
    state: subflow.state,
    rttMs: hasRtt ? srttNs / 1e6 : undefined,
    rttVarianceMs: hasRtt ? rttvarNs / 1e6 : undefined,
    minRttMs: hasRtt && minRttNs !== NEVER ? minRttNs / 1e6 : undefined,
    bytesSent: statistics.bytesSent,
    bytesReceived: statistics.bytesReceived,
    bytesAcked: statistics.bytesAcked,
    bytesRetransmitted: statistics.retransmittedBytes,
    retransmissions: statistics.retransmittedSegments,
    lostSegments: undefined,
    bytesInFlight: tcp.bytesInFlight,
    bytesQueued: undefined,
    mssBytes: tcp.mss,
    pathMtuBytes: tcp.pathMtu,
    cwndBytes: tcp.cwndBytes,
    deliveryRateBps: undefined,
    pacingRateBps: undefined,
  };
}

/** What a notice says about a subflow; undefined when it is about something else. */
export function subflowEvent(notice: PathNotice): SubflowEvent | undefined {
  switch (notice.type) {
    case 'subflow-opened':
      return { type: 'opened', subflow: describeSubflow(notice.subflow) };
    case 'subflow-priority':
      return { type: 'priority', subflow: describeSubflow(notice.subflow) };
    case 'subflow-closed': {
      const { reason, resetReason, subflow } = notice;
      const closed = { type: 'closed', subflow: describeSubflow(subflow), reason } as const;
      return resetReason === undefined ? closed : { ...closed, resetReason };
    }
    default:
      return undefined;
  }
}

/** What a notice says about an address of the peer, whose own port is `port`; undefined when it is about something else. */
export function addressEvent(notice: PathNotice, port: number): AddressEvent | undefined {
  switch (notice.type) {
    case 'address-announced': {
      const { id, address } = notice;
      return { type: 'announced', id, address: address.toString(), port: notice.port || port };
    }
    case 'address-removed':
      return { type: 'removed', id: notice.id };
    default:
      return undefined;
  }
}

/** What a notice says of an option for private use. */
export function experimentEvent(notice: Extract<PathNotice, { type: 'experiment' }>): ExperimentEvent {
  return {
    subflow: describeSubflow(notice.subflow),
    nibble: notice.nibble,
    body: notice.body,
  };
}

/** Whether the notice says that the connection became plain TCP. */
export function isFallback(notice: PathNotice): notice is FallbackEvent {
  return notice.type === 'fallback';
}
