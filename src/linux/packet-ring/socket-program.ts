/**
 * The program that takes packets of services from the kernel and hands them to sockets (bpf/to_sockets.c). It is attached for as long as
 * this process lives at most; until its sockets are there, packets of services are dropped, never answered by the kernel.
 */
import type { Services } from '../../balancer/index.js';
import { IpAddress } from '../../wire/index.js';
import { BpfObject, type BpfProgram, readPackagedObject, word, XdpLink, type XdpMode } from '../bpf/index.js';
import { encodeCrcTables, encodeServices, encodeSettings, SERVICE_KEY_BYTES } from '../xdp/xdp-tables.js';

/** What it is told. */
export interface SocketProgramOptions {
  /** Name of the interface, in the calling thread's namespace. */
  readonly device: string;
  /** In the driver, behind it, or in the driver where it can. */
  readonly mode: XdpMode | 'auto';
  readonly services: Services;
  /** Descriptors of the sockets, for each queue one for each worker. */
  readonly sockets: readonly number[];
  readonly workers: number;
}

/** See the module. */
export class SocketProgram {
  private readonly program: BpfProgram;
  private readonly link: XdpLink;

  /** Attaches it. Throws as `XdpLink.attach` and `BpfProgram.load` do. */
  constructor(options: SocketProgramOptions) {
    const { services, sockets, device } = options;
    const object = new BpfObject(readPackagedObject('to_sockets'), { constants: constantsOf(options) });
    try {
      const { keys, values } = encodeServices(services);
      object.map('services').setAll(keys, values);
      sockets.forEach((fd, index) => object.map('sockets').set(word(index), word(fd)));
      this.program = object.load('to_sockets');
    } finally {
      object.close();
    }
    try {
      this.link = XdpLink.attach(this.program, { device, mode: options.mode });
    } catch (error) {
      this.program.close();
      throw error;
    }
  }

  /** How it is attached. */
  get mode(): XdpMode {
    return this.link.mode;
  }

  /** Detaches it: packets are the kernel's again. */
  close(): void {
    this.link.close();
    this.program.close();
  }
}

/** Of the settings of balancers (bpf/packet.h) only those that say what a service is. */
function constantsOf({ services, workers }: SocketProgramOptions): Record<string, Uint8Array> {
  const numbers = { servers: 0, places: 0, generation: 0, newFlowSeconds: 0, idleSeconds: 0 };
  const others = { closingSeconds: 0, tokenIdleSeconds: 0, tokenClaims: 0 };
  const settings = { family: 4, joinPortBase: services.joinPortBase, ...numbers, ...others } as const;
  const first = encodeServices(services).keys.subarray(0, SERVICE_KEY_BYTES);
  return {
    settings: encodeSettings(IpAddress.unspecified(4), settings, first),
    crc_tables: encodeCrcTables(),
    sockets_each: word(workers),
  };
}
