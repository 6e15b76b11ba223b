/**
 * A direction of a relay whose bytes go past this process: splice(2) moves them from one socket to a pipe and on to the other. A pipe is
 * lent for as long as something is in it, so that an idle direction has none. When each side is ready is for the sockets to know.
 */
import { type Pipe, type PipePool, spliceBytes } from '../../linux/index.js';

/**
 * Most bytes in a pipe, which are the kernel's own, taken over from one socket's buffer for another's. With 64 KiB a relay took 2.6 times the
 * CPU of HAProxy, with this as much (docs/decisions/0027-bytes-that-go-past.md).
 */
export const MAX_POURED_BYTES = 262_144;

/** See the module. */
export class Pour {
  /** Bytes in the pipe. */
  heldBytes = 0;
  private readonly pipes: PipePool;
  private readonly onBytes: (count: number) => void;
  private pipe: Pipe | undefined = undefined;

  /** `onBytes` is told how many bytes were taken from the source. */
  constructor(pipes: PipePool, onBytes: (count: number) => void) {
    this.pipes = pipes;
    this.onBytes = onBytes;
  }

  /** Whether there is a pipe, which is empty unless {@link heldBytes} says otherwise. */
  ready(): boolean {
    this.pipe ??= this.pipes.lend();
    return this.pipe !== undefined;
  }

  /** From the source, of which nothing is held, to the pipe, which is there: how many bytes; 0 at the end, the negative errno else. */
  pull(source: number): number {
    const moved = spliceBytes(source, this.pipe!.writeFd, MAX_POURED_BYTES);
    if (moved <= 0) return moved;
    this.heldBytes = moved;
    this.onBytes(moved);
    return moved;
  }

  /** From the pipe to the sink: how many bytes, or the negative errno. */
  push(sink: number): number {
    const moved = spliceBytes(this.pipe!.readFd, sink, this.heldBytes);
    if (moved > 0) this.heldBytes -= moved;
    return moved;
  }

  /** Gives the pipe back; what is in it is lost. */
  release(): void {
    if (this.pipe !== undefined) this.pipes.takeBack(this.pipe, this.heldBytes === 0);
    this.pipe = undefined;
    this.heldBytes = 0;
  }
}
