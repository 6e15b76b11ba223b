/**
 * Programs: loaded past the kernel's verifier, run on packets of one's own choice, and held by a descriptor. A program stays in the
 * kernel while a descriptor or a link (xdp-link.ts) holds it.
 *
 * Read first: bpf(2); Linux Documentation/bpf/verifier.rst and bpf_prog_run.rst.
 */
import { closeSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { EPERM } from '../constants.js';
import { BpfAttributes, BpfCommand, bpfError } from './bpf-call.js';
import type { BpfMap } from './bpf-map.js';
import { constantsMap, instructionBytes, type ProgramCode } from './object-file.js';

/** What an XDP program gives back (linux/bpf.h, `enum xdp_action`). */
export const XdpAction = { ABORTED: 0, DROP: 1, PASS: 2, TX: 3, REDIRECT: 4 } as const;

const PROGRAM_TYPE_XDP = 6;
/** The section of programs that take frames in several pieces, and what the kernel is told of them (BPF_F_XDP_HAS_FRAGS). */
const LONG_FRAMES_SECTION = 'xdp.frags';
const TAKES_LONG_FRAMES = 1 << 5;
/** Where an instruction that loads 64 bits finds a map, or a place in its only value (BPF_PSEUDO_MAP_FD, _VALUE). */
const PSEUDO_MAP = 1;
const PSEUDO_MAP_VALUE = 2;
const LOG_BYTES = 1 << 22;
/** Lines of the verifier's log that an error shows. */
const shownLines = 12;
/** What the kernel takes of a packet in one piece in a trial run: a page, less the room that drivers keep. */
export const maxTrialBytes = 3500;
const trialRoomBytes = 16_384;
/** BPF_F_TEST_XDP_LIVE_FRAMES, of Linux 5.18, and how many frames are under way at a time. */
const LIVE_FRAMES = 2;
const LIVE_BATCH = 64;

/** The verifier does not take a program: a fault of the program, or a kernel too old for it. */
export class VerifierError extends SubflowError {
  /** All that the verifier said, as far as 4 MiB go. */
  readonly log: string;

  constructor(name: string, log: string) {
    const lines = log.trimEnd().split('\n');
    const end = lines.slice(-shownLines).join('\n');
    super('ERR_SUBFLOW_VERIFIER', `the kernel's verifier refuses program ${name}:\n${end}`, {
      hint: 'The line before "processed" says why. Programs of this package need Linux 6.1 or newer: uname -r.',
    });
    this.name = 'VerifierError';
    this.log = log;
  }
}

/** What a trial run gave. */
export interface TrialRun {
  /** What the program returned; of XDP, one of {@link XdpAction}. */
  readonly verdict: number;
  /** The packet as the program left it. */
  readonly packet: Uint8Array;
  /** Average of all repetitions, in ns. */
  readonly durationNs: number;
}

/** A loaded program. */
export class BpfProgram {
  readonly name: string;
  readonly fd: number;
  private readonly room = new Uint8Array(trialRoomBytes);
  private closed = false;

  private constructor(name: string, fd: number) {
    this.name = name;
    this.fd = fd;
  }

  /**
   * Loads an XDP program with its maps, by name; that of the constants is called `.rodata`.
   * @throws VerifierError; SystemError `EPERM`, `E2BIG`, `ENOMEM`; SubflowError `ERR_SUBFLOW_BAD_PROGRAM` when a map is missing.
   */
  static load(code: ProgramCode, maps: ReadonlyMap<string, BpfMap>, licence: string): BpfProgram {
    const instructions = link(code, maps);
    const text = new TextEncoder().encode(`${licence}\0`);
    const attributes = (): BpfAttributes =>
      new BpfAttributes()
        .u32(0, PROGRAM_TYPE_XDP)
        .u32(4, instructions.length / instructionBytes)
        .pointer(8, instructions)
        .pointer(16, text)
        .u32(44, code.section === LONG_FRAMES_SECTION ? TAKES_LONG_FRAMES : 0)
        .name(48, code.name);
    const fd = attributes().try(BpfCommand.PROGRAM_LOAD);
    if (fd >= 0) return new BpfProgram(code.name, fd);
    if (fd === -EPERM) throw bpfError(EPERM, `load program ${code.name}`);
    // Once more, now with the log: it costs time and memory that a good program needs not spend.
    const log = new Uint8Array(LOG_BYTES);
    const again = attributes().u32(24, 1).u32(28, LOG_BYTES).pointer(32, log).try(BpfCommand.PROGRAM_LOAD);
    if (again >= 0) return new BpfProgram(code.name, again);
    const end = log.indexOf(0);
    if (end <= 0) throw bpfError(-fd, `load program ${code.name}`);
    throw new VerifierError(code.name, Buffer.from(log.buffer, 0, end).toString('latin1'));
  }

  /**
   * Runs the program on `packet`, 14 to {@link maxTrialBytes} bytes, `repeat` times; each run finds what the one before it left.
   * The packet goes nowhere, whatever the verdict is. Throws SystemError.
   */
  run(packet: Uint8Array, repeat = 1): TrialRun {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `the program ${this.name} is closed`);
    const attributes = new BpfAttributes()
      .u32(0, this.fd)
      .u32(8, packet.length)
      .u32(12, this.room.length)
      .pointer(16, packet)
      .pointer(24, this.room)
      .u32(32, repeat);
    attributes.call(BpfCommand.PROGRAM_RUN, `run program ${this.name}`);
    return {
      verdict: attributes.read(4),
      packet: this.room.slice(0, attributes.read(12)),
      durationNs: attributes.read(36),
    };
  }

  /**
   * Has the program deal with `count` real frames that begin as `packet`, as if they had come in by the interface with `interfaceIndex`
   * of the calling thread's namespace: what it sends is sent. Each frame is used again and again, as the program left it. Throws
   * SystemError.
   */
  runLive(packet: Uint8Array, count: number, interfaceIndex: number): void {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `the program ${this.name} is closed`);
    // struct xdp_md: where the packet ends, and where it came from.
    const context = new Uint8Array(24);
    const view = new DataView(context.buffer);
    view.setUint32(4, packet.length, true);
    view.setUint32(12, interfaceIndex, true);
    new BpfAttributes()
      .u32(0, this.fd)
      .u32(8, packet.length)
      .pointer(16, packet)
      .u32(32, count)
      .u32(40, context.length)
      .pointer(48, context)
      .u32(64, LIVE_FRAMES)
      .u32(72, LIVE_BATCH)
      .call(BpfCommand.PROGRAM_RUN, `run program ${this.name} on live frames`);
  }

  /** Lets go of the program; where it is attached it stays. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }
}

/** The instructions with the descriptors of their maps in place. */
function link(code: ProgramCode, maps: ReadonlyMap<string, BpfMap>): Uint8Array {
  const instructions = Uint8Array.from(code.instructions);
  const view = new DataView(instructions.buffer);
  for (const { instruction, map: name, offset } of code.references) {
    const map = maps.get(name);
    if (map === undefined) {
      throw new SubflowError('ERR_SUBFLOW_BAD_PROGRAM', `program ${code.name} wants a map ${name}`, {
        hint: 'Give every map that the object defines.',
      });
    }
    const at = instruction * instructionBytes;
    const isConstant = name === constantsMap;
    // The upper half of the register byte is the source register, which stands for what the number means.
    instructions[at + 1] =
      (instructions[at + 1]! & 0x0f) | ((isConstant ? PSEUDO_MAP_VALUE : PSEUDO_MAP) << 4);
    view.setUint32(at + 4, map.fd, true);
    view.setUint32(at + instructionBytes + 4, isConstant ? offset : 0, true);
  }
  return instructions;
}
