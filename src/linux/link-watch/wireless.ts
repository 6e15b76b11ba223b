/**
 * Asks Linux's Wi-Fi, by nl80211, which interfaces are its own and how well they hear their access points. A machine without Wi-Fi, or
 * without the driver's module, has no answers: that is no error.
 *
 * Read first: include/uapi/linux/nl80211.h of the kernel.
 */
import type { NetworkNamespace } from '../namespace.js';
import { NetlinkError, NetlinkSocket } from '../netlink/index.js';
import {
  aboutInterface,
  decodeStation,
  isWirelessClient,
  NL80211_CMD_GET_INTERFACE,
  NL80211_CMD_GET_STATION,
  NL80211_FAMILY,
  NL80211_VERSION,
  type WirelessSignal,
} from './nl80211.js';

export class Wireless {
  private readonly socket: NetlinkSocket;
  /** Number of the family, once there is one: a module may be loaded later. */
  private family: number | undefined;

  /** Asks in `namespace`; in the calling thread's by default. */
  constructor(namespace?: NetworkNamespace) {
    const open = (): NetlinkSocket => new NetlinkSocket();
    this.socket = namespace === undefined ? open() : namespace.run(open);
  }

  /** Whether the interface is one of nl80211's. */
  isWireless(index: number): boolean {
    return this.interfaceOf(index) !== undefined;
  }

  /** How the interface hears its access point; undefined for one that has none, and for one that is not Wi-Fi. */
  signalOf(index: number): WirelessSignal | undefined {
    const about = this.interfaceOf(index);
    if (about === undefined || !isWirelessClient(about)) return undefined;
    const stations = this.attempt((family) =>
      this.socket.dump('Wi-Fi station', {
        ...{ family, command: NL80211_CMD_GET_STATION, version: NL80211_VERSION },
        attributes: aboutInterface(index),
      }),
    );
    return stations?.[0] === undefined ? undefined : decodeStation(stations[0]);
  }

  close(): void {
    this.socket.close();
  }

  private interfaceOf(index: number): ReadonlyMap<number, Uint8Array> | undefined {
    return this.attempt((family) =>
      this.socket.request('Wi-Fi interface', {
        ...{ family, command: NL80211_CMD_GET_INTERFACE, version: NL80211_VERSION },
        attributes: aboutInterface(index),
      }),
    );
  }

  /** What `action` gives with the family's number; undefined where the kernel has no Wi-Fi, or none of it on this interface. */
  private attempt<T>(action: (family: number) => T): T | undefined {
    try {
      return action((this.family ??= this.socket.family(NL80211_FAMILY)));
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }
}
