/** What a handshake agreed on, in a line. */
import type { AgreedOptions } from './model.js';

/** In the order in which a reader asks: the protocol, its numbers, then TCP's own options. What was not seen is left out. */
export function agreedText(agreed: AgreedOptions): string {
  const { version, checksum, dataSeqBits, dataAckBits, clientMss, serverMss, windowScale } = agreed;
  return [
    version === null ? 'no Multipath TCP' : `Multipath TCP version ${version}`,
    ...(checksum === null ? [] : [checksum ? 'DSS checksums' : 'no DSS checksums']),
    ...(dataSeqBits === null ? [] : [`data sequence numbers of ${bits(dataSeqBits)}`]),
    ...(dataAckBits === null ? [] : [`DATA_ACKs of ${bits(dataAckBits)}`]),
    ...(clientMss === null ? [] : [`MSS ${clientMss} towards the client`]),
    ...(serverMss === null ? [] : [`MSS ${serverMss} towards the server`]),
    windowScale === null
      ? 'no window scaling'
      : `windows of the client times ${2 ** windowScale.client}, of the server times ${2 ** windowScale.server}`,
    ...offer('SACK', agreed.sack),
    ...offer('timestamps', agreed.timestamps),
    ...(agreed.fastOpen === null ? [] : [`Fast Open ${agreed.fastOpen}`]),
  ].join('; ');
}

function bits(width: 32 | 64 | 'mixed'): string {
  return width === 'mixed' ? '32 and 64 bits' : `${width} bits`;
}

function offer(what: string, isAgreed: boolean | null): string[] {
  if (isAgreed === null) return [];
  return [isAgreed ? what : `no ${what}`];
}
