/**
 * A capture file that is read more than once: from its beginning, for the analyser, and again at a packet that somebody wants
 * to see. Memory: a few chunks, the index, and the packets around the one that was looked at last; none of it grows with
 * the file.
 */
import { type CapturedPacket, type CaptureInterface, CaptureReader } from '../../capture/index.js';
import type { FileReport } from '../../trace/index.js';
import { type ByteFile, FileChunks, type Unpackers } from './byte-file.js';
import { PacketIndex } from './packet-index.js';

/** How far a reading has come. */
export interface ReadingProgress {
  /** Bytes of the file, packed as it may be. */
  readonly readBytes: number;
  readonly allBytes: number;
  readonly packets: number;
}

/** Asked between two chunks: whether to read on. */
export type GoesOn = (progress: ReadingProgress) => boolean;

/** A packet that was found again, with what the file says of it. Its bytes are the finder's own. */
export interface FoundPacket {
  readonly packet: CapturedPacket;
  readonly on: CaptureInterface | undefined;
}

/** Packets before and behind the one that was asked for that are kept too: whoever looks at one looks at the next. */
const NEIGHBOURS = 128;
/** Bytes of packets that are kept. */
const MAX_KEPT_BYTES = 4 << 20;
/** Bytes that are read at once to find a packet. */
const SEARCH_CHUNK_BYTES = 1 << 18;

export class CaptureFile {
  readonly file: ByteFile;
  readonly index = new PacketIndex();
  private readonly unpackers: Unpackers;
  /** Packets of the file, once all of it was read. */
  private packetCount: number | undefined = undefined;
  /** Found packets by their numbers, in order. */
  private kept: ReadonlyMap<number, FoundPacket> = new Map();

  constructor(file: ByteFile, unpackers: Unpackers) {
    this.file = file;
    this.unpackers = unpackers;
  }

  /** Gives all packets to `take`, each good during the call; undefined when `goesOn` stopped it. */
  async read(take: (packet: CapturedPacket) => void, goesOn: GoesOn): Promise<FileReport | undefined> {
    const { file, index } = this;
    const reader = new CaptureReader();
    const chunks = new FileChunks(file, this.unpackers);
    const isFirst = this.packetCount === undefined && index.count === 0;
    const takeAll = (): void => {
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        if (isFirst) index.note(reader);
        take(packet);
      }
    };
    for await (const chunk of chunks.from()) {
      reader.push(chunk);
      takeAll();
      const { readBytes } = chunks;
      if (!goesOn({ readBytes, allBytes: file.size, packets: reader.packetCount })) return undefined;
      if (reader.problem !== undefined) break;
    }
    reader.end();
    takeAll();
    this.packetCount = reader.packetCount;
    const problem = chunks.problem ?? reader.problem ?? null;
    return {
      ...{ name: file.name, format: reader.format ?? null, packets: reader.packetCount },
      problem: problem && { code: problem.code, offset: problem.offset, message: problem.message },
    };
  }

  /** Packet number `wanted`, counted from 1; undefined when there is none, or `goesOn` stopped the search. */
  async find(wanted: number, goesOn: GoesOn): Promise<FoundPacket | undefined> {
    if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > (this.packetCount ?? Infinity))
      return undefined;
    return this.kept.get(wanted) ?? this.search(wanted, goesOn);
  }

  private async search(wanted: number, goesOn: GoesOn): Promise<FoundPacket | undefined> {
    const { file } = this;
    const around = new Neighbourhood(wanted);
    const place = this.index.before(around.first);
    const reader = place === undefined ? new CaptureReader() : CaptureReader.resume(place);
    const chunks = new FileChunks(file, this.unpackers, SEARCH_CHUNK_BYTES);
    for await (const chunk of chunks.from(place?.position)) {
      reader.push(chunk);
      if (around.take(reader)) break;
      const { readBytes } = chunks;
      if (!goesOn({ readBytes, allBytes: file.size, packets: reader.packetCount })) return undefined;
    }
    this.kept = around.packets;
    return this.kept.get(wanted);
  }
}

/** Copies of the packets around one. */
class Neighbourhood {
  readonly packets = new Map<number, FoundPacket>();
  readonly first: number;
  private readonly wanted: number;
  private bytes = 0;

  constructor(wanted: number) {
    this.wanted = wanted;
    this.first = Math.max(1, wanted - NEIGHBOURS);
  }

  /** Takes what the reader has; whether that is all that is wanted, or all there is. */
  take(reader: CaptureReader): boolean {
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
      const { frame } = packet;
      if (frame < this.first) continue;
      this.packets.set(frame, { packet: packet.copy(), on: reader.interfaces[packet.interfaceIndex] });
      this.bytes += packet.length;
      if (frame < this.wanted) this.dropWhatIsTooMuch();
      else if (this.bytes > MAX_KEPT_BYTES || frame >= this.wanted + NEIGHBOURS) return true;
    }
    return reader.problem !== undefined;
  }

  private dropWhatIsTooMuch(): void {
    for (const [frame, { packet }] of this.packets) {
      if (this.bytes <= MAX_KEPT_BYTES) return;
      this.packets.delete(frame);
      this.bytes -= packet.length;
    }
  }
}
