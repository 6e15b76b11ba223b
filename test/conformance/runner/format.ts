/** A packet of the host in the words of the language, for complaints: what came instead of what the script expects. */
import { TcpFlag, type MptcpOption, type TcpOption } from '../../../src/wire/index.js';
import type { Captured, Conversation, FlowState } from './conversation.js';

const flagNames = [
  ['SYN', TcpFlag.SYN],
  ['FIN', TcpFlag.FIN],
  ['RST', TcpFlag.RST],
  ['PSH', TcpFlag.PSH],
  ['URG', TcpFlag.URG],
  ['ACK', TcpFlag.ACK],
] as const;

/** As `> ACK 1:101 ack 1 win 65535 [dss ack=1 map=1:101 at=1]`. */
export function formatPacket(conversation: Conversation, packet: Captured, known?: FlowState): string {
  const { tcp } = packet;
  const flow = known ?? conversation.flowOf(packet);
  const names = flagNames.filter(([, bit]) => (tcp.flags & bit) !== 0).map(([name]) => name);
  const isSyn = (tcp.flags & TcpFlag.SYN) !== 0;
  const seq = flow?.hostIsn === undefined ? (isSyn ? 0 : tcp.seq) : conversation.hostPosition(flow, tcp.seq);
  const words = [`>${flow === undefined || flow.number === 1 ? '' : flow.number}`, ...names];
  words.push(tcp.payload.length > 0 ? `${seq}:${seq + tcp.payload.length}` : `${seq}`);
  if ((tcp.flags & TcpFlag.ACK) !== 0) {
    words.push(`ack ${flow === undefined ? tcp.ack : conversation.peerPosition(flow, tcp.ack)}`);
  }
  words.push(`win ${tcp.window}`);
  const options = tcp.options
    .filter((option) => option.kind !== 'nop')
    .map((option) => formatOption(conversation, flow, option));
  if (options.length > 0) words.push(`[${options.join(', ')}]`);
  if (flow === undefined) words.push(`(${packet.source.toString()} to ${packet.destination.toString()})`);
  return words.join(' ');
}

function formatOption(conversation: Conversation, flow: FlowState | undefined, option: TcpOption): string {
  switch (option.kind) {
    case 'nop':
      return 'nop';
    case 'mss':
      return `mss ${option.mss}`;
    case 'window-scale':
      return `ws ${option.shift}`;
    case 'sack-permitted':
      return 'sack-ok';
    case 'sack': {
      const at = (seq: number): number => (flow === undefined ? seq : conversation.peerPosition(flow, seq));
      return `sack ${option.blocks.map((block) => `${at(block.left)}:${at(block.right)}`).join(' ')}`;
    }
    case 'timestamps':
      return `ts val=${option.tsVal} ecr=${option.tsEcr}`;
    case 'fast-open':
      return option.cookie.length === 0 ? 'tfo request' : `tfo cookie=${hex(option.cookie)}`;
    case 'mptcp':
      return formatMptcp(conversation, option.option);
    case 'unknown':
    case 'malformed':
      return `raw ${option.kind} ${option.number} ${hex(option.body)}`;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== false && part !== undefined).join(' ');
}

function keyWord(key: bigint | undefined, right: bigint | undefined): string {
  return key === undefined ? 'none' : right === undefined || key === right ? 'good' : 'bad';
}

function formatMptcp(conversation: Conversation, option: MptcpOption): string {
  switch (option.subtype) {
    case 'MP_CAPABLE':
      return words(
        `capable v=${option.version} flags=${flagLetters(option.flags)}`,
        `key=${keyWord(option.senderKey, conversation.hostKey)}`,
        `peer-key=${keyWord(option.receiverKey, conversation.peerKey)}`,
        option.dataLength !== undefined && `len=${option.dataLength}`,
      );
    case 'MP_JOIN':
      if (option.phase === 'ack') return `join hmac=${hex(option.hmac)}`;
      return words(`join id=${option.addressId}`, option.backup && 'backup', `nonce=${option.nonce}`);
    case 'DSS':
      return formatDss(conversation, option);
    case 'ADD_ADDR':
      return words(
        `add-addr id=${option.addressId} addr=${option.address.toString()}`,
        option.port !== undefined && `port=${option.port}`,
        option.echo && 'echo',
        option.hmac === undefined ? 'hmac=none' : `hmac=${hex(option.hmac)}`,
      );
    case 'REMOVE_ADDR':
      return `remove-addr ${option.addressIds.join(' ')}`;
    case 'MP_PRIO':
      return words('prio', option.backup ? 'backup' : 'regular', idWord(option.addressId));
    case 'MP_FAIL':
      return `fail at=${conversation.peerDataPosition(option.dataSeq, 64)}`;
    case 'MP_FASTCLOSE':
      return `fastclose key=${keyWord(option.receiverKey, conversation.peerKey)}`;
    case 'MP_TCPRST':
      return words(`tcprst reason=${option.reason}`, (option.flags & 1) !== 0 && 'transient');
    case 'MP_EXPERIMENTAL':
      return `experimental ${hex(option.body)}`;
    case 'UNKNOWN':
      return `subtype code=${option.code} ${hex(option.body)}`;
  }
}

function idWord(id: number | undefined): string | undefined {
  return id === undefined ? undefined : `id=${id}`;
}

/** Letters of MP_CAPABLE's flags. */
export function flagLetters(flags: number): string {
  let letters = '';
  for (let bit = 0; bit < 8; bit++) if ((flags & (0x80 >> bit)) !== 0) letters += 'ABCDEFGH'[bit]!;
  return letters;
}

function formatDss(conversation: Conversation, option: MptcpOption & { subtype: 'DSS' }): string {
  const { dataAck, mapping, dataFin } = option;
  const parts = ['dss'];
  if (dataAck !== undefined) {
    parts.push(`ack=${conversation.peerDataPosition(dataAck.value, dataAck.bits)}`);
    if (dataAck.bits === 32) parts.push('ack4');
  }
  if (mapping !== undefined) {
    const from = conversation.hostDataPosition(mapping.dataSeq.value, mapping.dataSeq.bits);
    const bytes = mapping.dataLength - (dataFin ? 1 : 0);
    if (mapping.dataLength === 0) parts.push(`infinite=${from}`);
    else if (bytes === 0 && mapping.subflowSeq === 0) parts.push(`fin=${from}`);
    else parts.push(`map=${from}:${from + bytes}`, ...(dataFin ? ['fin'] : []));
    parts.push(`at=${mapping.subflowSeq}`);
    if (mapping.dataSeq.bits === 32) parts.push('map4');
    if (mapping.checksum !== undefined) parts.push(`csum=0x${mapping.checksum.toString(16)}`);
  } else if (dataFin) parts.push('fin');
  return parts.join(' ');
}
