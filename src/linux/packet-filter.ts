/**
 * Classic BPF programs that sockets filter with. Owns their encoding; a program is a list of (opcode, jump if true, jump if
 * false, operand), eight bytes each.
 *
 * Read first: Linux Documentation/networking/filter.rst.
 */
import { SOL_SOCKET, SO_ATTACH_FILTER } from './constants.js';
import { NativeBuffer, setsockopt } from './libc.js';

const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;

/** Loads from here on count from the network header, whatever link header there is (SKF_NET_OFF). */
const NETWORK_HEADER = -0x100000;
/** Where the kernel's own knowledge of the packet can be loaded from (SKF_AD_OFF), and what of it. */
const ANCILLARY = -0x1000;
const ANCILLARY_PACKET_TYPE = 4;
/** To this host: not ours on its way out, not another host's (PACKET_HOST). */
const PACKET_HOST = 0;

const WHOLE_PACKET = 0x0004_0000;

/** One instruction. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** Lets nothing through: the socket swallows every packet in silence. */
export const dropEverything: readonly Instruction[] = [[RETURN, 0, 0, 0]];

/** Lets IPv4 packets through that came in for `address` and carry one of `protocols`. */
export function packetsTo4(address: number, protocols: readonly [number, number]): readonly Instruction[] {
  return [
    [LOAD_WORD, 0, 0, ANCILLARY + ANCILLARY_PACKET_TYPE],
    [JUMP_EQUAL, 0, 6, PACKET_HOST],
    [LOAD_WORD, 0, 0, NETWORK_HEADER + 16],
    [JUMP_EQUAL, 0, 4, address],
    [LOAD_BYTE, 0, 0, NETWORK_HEADER + 9],
    [JUMP_EQUAL, 1, 0, protocols[0]],
    [JUMP_EQUAL, 0, 1, protocols[1]],
    [RETURN, 0, 0, WHOLE_PACKET],
    [RETURN, 0, 0, 0],
  ];
}

/** The same for IPv6; extension headers are let through, for the stack looks behind them. */
export function packetsTo6(words: readonly [number, number, number, number]): readonly Instruction[] {
  const instructions: Instruction[] = [
    [LOAD_WORD, 0, 0, ANCILLARY + ANCILLARY_PACKET_TYPE],
    [JUMP_EQUAL, 0, 9, PACKET_HOST],
  ];
  words.forEach((word, i) => {
    instructions.push([LOAD_WORD, 0, 0, NETWORK_HEADER + 24 + 4 * i], [JUMP_EQUAL, 0, 7 - 2 * i, word]);
  });
  instructions.push([RETURN, 0, 0, WHOLE_PACKET], [RETURN, 0, 0, 0]);
  return instructions;
}

/** Has the socket `fd` drop what `program` does not let through. */
export function attachFilter(fd: number, program: readonly Instruction[]): void {
  const code = new NativeBuffer(8 * program.length);
  const view = new DataView(code.bytes.buffer, code.bytes.byteOffset, code.bytes.length);
  program.forEach(([opcode, ifTrue, ifFalse, operand], i) => {
    view.setUint16(8 * i, opcode, true);
    view.setUint8(8 * i + 2, ifTrue);
    view.setUint8(8 * i + 3, ifFalse);
    view.setUint32(8 * i + 4, operand >>> 0, true);
  });
  const header = new Uint8Array(16);
  const headerView = new DataView(header.buffer);
  headerView.setUint16(0, program.length, true);
  headerView.setBigUint64(8, BigInt(code.address), true);
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, header);
}
