/**
 * What went over metered links from look to look: what their subflows moved. One that vanished between two looks takes its last
 * count with it; those bytes are taken for what the connection moved and no subflow that is still shown did. Knows no system calls.
 */
import type { LinkId } from '../../policy/index.js';
import type { KernelPathState } from './kernel-paths.js';

/** A subflow, as far as it matters here. */
type Moved = Pick<KernelPathState, 'link' | 'newBytes'>;

export class MeteredBytes {
  /** Bytes of the connection at the last look; undefined before, and where the kernel does not count them (before Linux 6.5). */
  private connectionBytes: number | undefined;

  /**
   * Bytes in both directions since the last look, by subflows that are `there` and those that are `gone` since; `connectionBytes` are
   * those of the connection at the data level so far.
   */
  since(
    there: Iterable<Moved>,
    gone: readonly Moved[],
    connectionBytes: number | undefined,
    isMetered: (link: LinkId) => boolean,
  ): number {
    let metered = 0;
    let all = 0;
    for (const { link, newBytes } of [...there, ...gone]) {
      all += newBytes;
      if (isMetered(link)) metered += newBytes;
    }
    const before = this.connectionBytes;
    this.connectionBytes = connectionBytes;
    const isAnyLost = gone.some(({ link }) => isMetered(link));
    if (!isAnyLost || before === undefined || connectionBytes === undefined) return metered;
    return metered + Math.max(0, connectionBytes - before - all);
  }
}
