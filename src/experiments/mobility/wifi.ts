/**
 * The Wi-Fi of a phone that walks, step by step: what the radio is worth each way, whether the phone is associated, and
 * which signal it shows. A function of the walk; what is made of it on links stands in phone.ts.
 */

import {
  type RadioConditions,
  WifiAssociation,
  wifiAssociationTimes,
  wifiConditionsAt,
} from '../../network/index.js';
import type { Place } from './walk.js';

/** Share of a new measurement in the signal that is shown: stations average over beacons. */
const averagingWeight = 0.25;

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
export function wifiAlong(places: readonly Place[], times = wifiAssociationTimes): WifiStep[] {
  let average = places[0]?.downDbm ?? 0;
  const association = new WifiAssociation(times);
  return places.map((place) => {
    average += averagingWeight * (place.downDbm - average);
    return {
      atNs: place.atNs,
      distanceM: place.distanceM,
      signalDbm: Math.round(average),
      isAssociated: association.take(place.atNs, place),
      up: wifiConditionsAt(place.upDbm),
      down: wifiConditionsAt(place.downDbm),
    };
  });
}
