/** Packets of a trace in a new pcapng file: with their times, directions and comments, and the interfaces they are from. */

import { type CapturedPacket, PcapngWriter } from '../../capture/index.js';
import type { FedFile } from '../captures/feed.js';
import { OutputFile } from '../output-file.js';

/** Bytes that wait before they are written. */
const PENDING_BYTES = 1 << 20;

export class PacketFile {
  private readonly file: OutputFile;
  private readonly writer = new PcapngWriter();
  /** Of each input, the number here of each of its interfaces. */
  private readonly interfaces: number[][] = [];
  private files: readonly FedFile[] = [];

  /** Makes the file. Throws a `FailureError`, or a `UsageError` when it is one of `inputs`. */
  constructor(path: string, inputs: readonly string[]) {
    this.file = new OutputFile(path, inputs);
  }

  /** Says what a first reading found out about the inputs. */
  describe(files: readonly FedFile[]): void {
    this.files = files;
  }

  /** Adds a packet of an input. */
  add(packet: CapturedPacket, input: number): void {
    const { interfaceIndex: index } = packet;
    const known = (this.interfaces[input] ??= []);
    const number = (known[index] ??= this.addInterface(packet, input));
    packet.interfaceIndex = number;
    this.writer.write(packet);
    packet.interfaceIndex = index;
    if (this.writer.pendingBytes >= PENDING_BYTES) this.file.writeBytes(this.writer.take());
  }

  close(): void {
    this.file.writeBytes(this.writer.take());
    this.file.close();
  }

  private addInterface(packet: CapturedPacket, input: number): number {
    const { linkType, interfaceIndex } = packet;
    const described = this.files[input]?.interfaces[interfaceIndex];
    const { name = '', description = '', snapLength = 0 } = described ?? {};
    return this.writer.addInterface({ linkType, name, description, snapLength });
  }
}
