/** The signals of a connection, in words. Read first: RFC 8684 §3.3.8, §3.4.2, §3.5, §3.6 and §3.7. */
import { MpTcpRstFlag, type MptcpOption } from '../wire/index.js';
import type { Connection } from './connection.js';
import type { PacketContext } from './handshake.js';
import type { Stream } from './stream.js';

/** Reasons of MP_TCPRST (RFC 8684 §3.6). */
const resetReasons = [
  'unspecified error',
  'MPTCP-specific error',
  'lack of resources',
  'administratively prohibited',
  'too much outstanding data',
  'unacceptable performance',
  'middlebox interference',
];

/** Keeps a signal; returns 1 when it had to be dropped. */
export function noteSignal(
  connection: Connection,
  stream: Stream,
  option: MptcpOption,
  context: PacketContext,
): 0 | 1 {
  if (connection.signals.length >= connection.limits.maxSignals) return 1;
  connection.signals.push({
    packet: context.packet,
    atNs: context.atNs,
    by: context.isFromOpener === stream.isOpenerClient ? 'client' : 'server',
    subflow: stream.subflow,
    option: option.subtype,
    meaning: meaningOf(option),
  });
  return 0;
}

/** A signal in words; empty for an option that is none. */
export function meaningOf(option: MptcpOption): string {
  switch (option.subtype) {
    case 'MP_PRIO': {
      const word = option.backup ? 'backup' : 'regular';
      return option.addressId === undefined ? word : `${word} for address ${option.addressId}`;
    }
    case 'MP_FAIL':
      return `the data sequence broke at ${option.dataSeq}`;
    case 'MP_FASTCLOSE':
      return 'the connection is aborted';
    case 'MP_TCPRST': {
      const reason = resetReasons[option.reason] ?? 'unassigned';
      const kind = (option.flags & MpTcpRstFlag.TRANSIENT) === 0 ? 'permanent' : 'transient';
      return `reason ${option.reason} (${reason}), ${kind}`;
    }
    case 'REMOVE_ADDR': {
      const ids = option.addressIds.join(', ');
      return option.addressIds.length === 1 ? `address ${ids} is gone` : `addresses ${ids} are gone`;
    }
    case 'MP_EXPERIMENTAL':
      return `${option.body.length} bytes for private use`;
    case 'UNKNOWN':
      return `subtype ${option.code}, ${option.body.length} bytes`;
    case 'MP_CAPABLE':
    case 'MP_JOIN':
    case 'DSS':
    case 'ADD_ADDR':
      return '';
  }
}
