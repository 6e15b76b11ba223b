/**
 * A program at work on an interface. The link is a descriptor: the kernel detaches the program when it is closed, by hand or
 * because the process ended, however it ended. Another program takes the place of the one at work in one step, so that every packet
 * meets the one or the other.
 *
 * Read first: bpf(2) on BPF_LINK_CREATE and BPF_LINK_UPDATE in linux/bpf.h; ip-link(8) on xdp.
 */
import { closeSync } from 'node:fs';
import { SubflowError } from '../../base/index.js';
import { inside, type NetworkNamespace } from '../namespace.js';
import { SystemError } from '../system-error.js';
import { BpfAttributes, BpfCommand } from './bpf-call.js';
import type { BpfProgram } from './bpf-program.js';
import { interfaceIndex } from './interface-index.js';

/** In the driver, before the kernel spends anything on a packet; or behind it, which every interface can. */
export type XdpMode = 'native' | 'generic';

const ATTACH_XDP = 37;
/** XDP_FLAGS_DRV_MODE and XDP_FLAGS_SKB_MODE (linux/if_link.h). */
const modeFlags = { native: 1 << 2, generic: 1 << 1 } as const;

/** Where to attach. */
export interface XdpAttachment {
  /** Name of the interface. */
  readonly device: string;
  /** `auto`: in the driver where it can, behind it elsewhere. */
  readonly mode: XdpMode | 'auto';
  /** Where the interface is; that of the calling thread by default. */
  readonly namespace?: NetworkNamespace;
}

/** See the module. */
export class XdpLink {
  readonly device: string;
  /** How the program is attached. */
  readonly mode: XdpMode;
  private readonly fd: number;
  private closed = false;

  private constructor(device: string, mode: XdpMode, fd: number) {
    this.device = device;
    this.mode = mode;
    this.fd = fd;
  }

  /**
   * Has every packet that comes in by the interface meet `program`.
   * @throws SystemError `ENODEV` without such an interface, `EBUSY` when another program is there, `EOPNOTSUPP` when the driver
   * knows no native mode, `EPERM`.
   */
  static attach(program: BpfProgram, attachment: XdpAttachment): XdpLink {
    const { mode } = attachment;
    if (mode !== 'auto') return XdpLink.attachAs(mode, program, attachment);
    try {
      return XdpLink.attachAs('native', program, attachment);
    } catch (error) {
      // A driver without native mode, or one that has too little room for frames as long as the interface takes.
      const isUnable =
        error instanceof SystemError && ['EOPNOTSUPP', 'EINVAL', 'ERANGE'].includes(error.code);
      if (!isUnable) throw error;
      return XdpLink.attachAs('generic', program, attachment);
    }
  }

  private static attachAs(mode: XdpMode, program: BpfProgram, attachment: XdpAttachment): XdpLink {
    const { device, namespace } = attachment;
    const attach = (): number =>
      new BpfAttributes()
        .u32(0, program.fd)
        .u32(4, interfaceIndex(device))
        .u32(8, ATTACH_XDP)
        .u32(12, modeFlags[mode])
        .call(BpfCommand.LINK_CREATE, `attach ${program.name} to ${device} in ${mode} mode`);
    return new XdpLink(device, mode, inside(namespace, attach));
  }

  /** Puts `program` in the place of the one at work. No packet goes without one. Throws SystemError. */
  replace(program: BpfProgram): void {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `nothing is attached to ${this.device}`);
    new BpfAttributes()
      .u32(0, this.fd)
      .u32(4, program.fd)
      .call(BpfCommand.LINK_UPDATE, `put ${program.name} to work on ${this.device}`);
  }

  /** Detaches the program. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }
}
