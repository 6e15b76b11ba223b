/**
 * Makes incidents of a phone that is dragged: its place at each whole tenth of a second of virtual time, where it changed.
 * Owns how many that can be; who drags, and how fast time passes, is not known here.
 */
import { MILLISECOND } from '../base/index.js';
import { floorPlan, type Place, placeOnPlan } from './floor-plan.js';
import type { Scenario } from './scenario.js';
import { linkKindOf } from './scenario.js';

/** Virtual time between two places of a phone that is dragged: that of the project's walks. */
export const PLACE_STEP_NS = 100 * MILLISECOND;

export class PlaceSampler {
  private wanted: Place | undefined = undefined;
  private known: Place | undefined = undefined;
  /** Number of the step of the last place. */
  private lastStep = -1;

  /** Where the phone is to be; undefined when nobody has moved it since the last place that was taken. */
  get pending(): Place | undefined {
    return this.wanted;
  }

  /** Has the phone be somewhere, from the next tenth of a second on. */
  move(place: Place): void {
    const to = placeOnPlan(place);
    this.wanted = isSame(to, this.known) ? undefined : to;
  }

  /** Forgets everything, for a run that begins anew. */
  clear(): void {
    this.wanted = undefined;
    this.known = undefined;
    this.lastStep = -1;
  }

  /**
   * The place that is to become an incident when time passes on from `fromNs` up to `toNs`, and when; undefined where there
   * is none. Call it before time does.
   */
  take(fromNs: number, toNs: number): { readonly atUs: number; readonly place: Place } | undefined {
    const { wanted } = this;
    if (wanted === undefined) return undefined;
    const step = Math.max(Math.ceil(fromNs / PLACE_STEP_NS), this.lastStep + 1);
    if (step * PLACE_STEP_NS > toNs) return undefined;
    this.lastStep = step;
    this.known = wanted;
    this.wanted = undefined;
    return { atUs: (step * PLACE_STEP_NS) / 1000, place: wanted };
  }
}

/** The path whose radio the floor plan is of: the first one whose name says Wi-Fi, or the first. */
export function roamingPath({ paths }: Pick<Scenario, 'paths'>): number {
  return Math.max(
    0,
    paths.findIndex(({ name }) => linkKindOf(name) === 'wifi'),
  );
}

/** Where the phone is at an instant of a scenario. */
export function placeAt({ incidents }: Pick<Scenario, 'incidents'>, path: number, nowNs: number): Place {
  let place = floorPlan.start;
  let atUs = -1;
  for (const incident of incidents) {
    const isPlace = incident.what === 'place' && incident.path === path;
    if (!isPlace || incident.atUs < atUs || incident.atUs * 1000 > nowNs) continue;
    place = incident.place;
    atUs = incident.atUs;
  }
  return place;
}

function isSame(a: Place, b: Place | undefined): boolean {
  return a.xM === b?.xM && a.yM === b.yM;
}
