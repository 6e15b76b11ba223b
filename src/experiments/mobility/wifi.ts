/**
 * The Wi-Fi of a phone that walks, step by step: what the radio is worth each way, whether the phone is associated, and
 * which signal it shows. A function of the walk; what is made of it on links stands in phone.ts.
 *
 * An association outlives the signal for a while: a station gives it up when it has heard no beacon for about two seconds
 * (mac80211 of Linux waits for seven beacons, then for answers to probes of half a second each). A new one takes a scan,
 * the handshakes and an address.
 */

import { SECOND } from '../../base/index.js';
import { conditionsAt, type RadioConditions } from './radio.js';
import type { Place } from './walk.js';

/** Signal at the phone below which it hears hardly a beacon any more, in dBm: nine in ten frames fail. */
const beaconsGoneDbm = -86.4;
/** Signal at both ends from which a phone associates: enough above the least rate that it does not go again at once. */
const associationDbm = -80;
/** Share of a new measurement in the signal that is shown: stations average over beacons. */
const averagingWeight = 0.25;

/** How long an association takes to go and to come. */
export interface AssociationTimes {
  /** Time without beacons after which the phone gives up, in ns. */
  readonly lossNs: number;
  /** Time from hearing the access point to having an address, in ns. */
  readonly joinNs: number;
}

export const associationTimes: AssociationTimes = { lossNs: 2 * SECOND, joinNs: 2 * SECOND };

/** The Wi-Fi from an instant on. */
export interface WifiStep {
  readonly atNs: number;
  readonly distanceM: number;
  /** What the phone measures of the access point, averaged, in whole dBm. */
  readonly signalDbm: number;
  /** Whether the phone is associated and has an address. */
  readonly isAssociated: boolean;
  /** From the phone to the access point. */
  readonly up: RadioConditions;
  /** From the access point to the phone. */
  readonly down: RadioConditions;
}

/** What the Wi-Fi is along a walk. The phone is associated at its beginning where the signal allows it. */
export function wifiAlong(places: readonly Place[], times = associationTimes): WifiStep[] {
  let average = places[0]?.downDbm ?? 0;
  const association = new Association(times);
  return places.map((place) => {
    average += averagingWeight * (place.downDbm - average);
    return {
      atNs: place.atNs,
      distanceM: place.distanceM,
      signalDbm: Math.round(average),
      isAssociated: association.take(place),
      up: conditionsAt(place.upDbm),
      down: conditionsAt(place.downDbm),
    };
  });
}

/** Whether a phone is associated, place by place. */
class Association {
  private readonly times: AssociationTimes;
  private isUp: boolean | undefined = undefined;
  /** Since when the signal has asked for the other state, in ns; undefined while it does not. */
  private otherSince: number | undefined = undefined;

  constructor(times: AssociationTimes) {
    this.times = times;
  }

  take({ atNs, downDbm, upDbm }: Place): boolean {
    const isHeard = Math.min(downDbm, upDbm) >= associationDbm;
    this.isUp ??= isHeard;
    const isOtherDue = this.isUp ? downDbm < beaconsGoneDbm : isHeard;
    if (!isOtherDue) {
      this.otherSince = undefined;
      return this.isUp;
    }
    this.otherSince ??= atNs;
    if (atNs - this.otherSince < (this.isUp ? this.times.lossNs : this.times.joinNs)) return this.isUp;
    this.isUp = !this.isUp;
    this.otherSince = undefined;
    return this.isUp;
  }
}
