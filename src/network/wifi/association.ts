/**
 * Whether a phone is associated with an access point, from the signal at both ends as it changes. An association outlives the
 * signal for a while: a station gives it up when it has heard no beacon for about two seconds (mac80211 of Linux waits for
 * seven beacons, then for answers to probes of half a second each). A new one takes a scan, the handshakes and an address.
 */

import { NEVER, SECOND } from '../../base/index.js';

/** Signal at the phone below which it hears hardly a beacon any more, in dBm: nine in ten frames fail. */
const beaconsGoneDbm = -86.4;
/** Signal at both ends from which a phone associates: enough above the least rate that it does not go again at once. */
const associationDbm = -80;

/** How long an association takes to go and to come. */
export interface WifiAssociationTimes {
  /** Time without beacons after which the phone gives up, in ns. */
  readonly lossNs: number;
  /** Time from hearing the access point to having an address, in ns. */
  readonly joinNs: number;
}

export const wifiAssociationTimes: WifiAssociationTimes = { lossNs: 2 * SECOND, joinNs: 2 * SECOND };

/** What each end hears of the other. */
export interface WifiSignals {
  /** Signal of the access point at the phone, in dBm: what a phone shows. */
  readonly downDbm: number;
  /** Signal of the phone at the access point, in dBm. */
  readonly upDbm: number;
}

export class WifiAssociation {
  private readonly times: WifiAssociationTimes;
  private isUp: boolean | undefined = undefined;
  /** Since when the signal has asked for the other state, in ns; undefined while it does not. */
  private otherSince: number | undefined = undefined;

  constructor(times = wifiAssociationTimes) {
    this.times = times;
  }

  /** When it will have changed if the signals stay as they are, in ns; NEVER where they ask for no change. */
  get changesAt(): number {
    return this.otherSince === undefined ? NEVER : this.otherSince + this.changeNs;
  }

  /** Takes the signals as they are from `now` on; whether the phone is associated. At first it is where it could be. */
  take(now: number, { downDbm, upDbm }: WifiSignals): boolean {
    const isHeard = Math.min(downDbm, upDbm) >= associationDbm;
    this.isUp ??= isHeard;
    const isOtherDue = this.isUp ? downDbm < beaconsGoneDbm : isHeard;
    if (!isOtherDue) {
      this.otherSince = undefined;
      return this.isUp;
    }
    this.otherSince ??= now;
    if (now - this.otherSince < this.changeNs) return this.isUp;
    this.isUp = !this.isUp;
    this.otherSince = undefined;
    return this.isUp;
  }

  private get changeNs(): number {
    return this.isUp === true ? this.times.lossNs : this.times.joinNs;
  }
}
