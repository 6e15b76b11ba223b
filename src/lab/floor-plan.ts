/**
 * The floor plan on which the phone of the playground is moved: rooms, walls, the access point, and what is left of the
 * Wi-Fi at a place. Pure functions of the place; what becomes of a path there stands in path-condition.ts.
 *
 * The signal falls with the distance as in all walks of this project (network/wifi/radio.ts), and by what the walls in
 * between take: the values of the multi-wall model for light and for heavy walls (COST 231, Digital Mobile Radio Towards
 * Future Generation Systems, final report, 1999, chapter 4.7).
 */
import {
  type RadioConditions,
  wifiConditionsAt,
  type WifiSignals,
  wifiSignalAt,
  wifiTransmitDbm,
} from '../network/index.js';

/** A place on the plan, in metres from its upper left corner, to the decimetre. */
export interface Place {
  readonly xM: number;
  readonly yM: number;
}

export interface Wall {
  readonly from: Place;
  readonly to: Place;
  /** What it takes of a signal, in dB. */
  readonly lossDb: number;
}

/** A name where it is written on the plan. */
export interface Room extends Place {
  readonly name: string;
}

export interface FloorPlan {
  readonly widthM: number;
  readonly heightM: number;
  readonly accessPoint: Place;
  /** Where the phone is before it was moved. */
  readonly start: Place;
  readonly walls: readonly Wall[];
  readonly rooms: readonly Room[];
}

const lightDb = 3.4;
const heavyDb = 6.9;

function wall(lossDb: number, x1: number, y1: number, x2: number, y2: number): Wall {
  return { from: { xM: x1, yM: y1 }, to: { xM: x2, yM: y2 }, lossDb };
}

/** Five rooms and a street. Openings are doors. */
export const floorPlan: FloorPlan = {
  widthM: 34,
  heightM: 14,
  accessPoint: { xM: 3.2, yM: 3 },
  start: { xM: 5.5, yM: 5 },
  walls: [
    ...[wall(heavyDb, 1, 1, 23, 1), wall(heavyDb, 1, 1, 1, 13), wall(heavyDb, 1, 13, 23, 13)],
    ...[wall(heavyDb, 23, 1, 23, 6.2), wall(heavyDb, 23, 7.8, 23, 13)],
    ...[wall(lightDb, 9, 1, 9, 5), wall(lightDb, 9, 6.4, 9, 10), wall(lightDb, 9, 11.4, 9, 13)],
    ...[wall(lightDb, 1, 8, 6, 8), wall(lightDb, 7.4, 8, 9, 8)],
    ...[wall(lightDb, 13, 1, 13, 3), wall(lightDb, 13, 4.4, 13, 6), wall(lightDb, 13, 8, 13, 10)],
    ...[wall(lightDb, 13, 11.4, 13, 13), wall(lightDb, 13, 6, 23, 6), wall(lightDb, 13, 8, 23, 8)],
  ],
  rooms: [
    { name: 'living room', xM: 5, yM: 6.9 },
    { name: 'kitchen', xM: 5, yM: 10.7 },
    { name: 'hall', xM: 11, yM: 7 },
    { name: 'office', xM: 18, yM: 3.6 },
    { name: 'bedroom', xM: 18, yM: 10.7 },
    { name: 'street', xM: 29, yM: 7 },
  ],
};

/** What the Wi-Fi is worth at a place. */
export interface WifiAtPlace extends WifiSignals {
  readonly distanceM: number;
  /** What the walls in between take, in dB. */
  readonly wallsDb: number;
  /** From the phone to the access point, and back. */
  readonly up: RadioConditions;
  readonly down: RadioConditions;
}

export function wifiAtPlace(place: Place, plan = floorPlan): WifiAtPlace {
  const { accessPoint, walls } = plan;
  const distanceM = Math.hypot(place.xM - accessPoint.xM, place.yM - accessPoint.yM);
  const wallsDb = walls.reduce(
    (sum, each) => (isBetween(each, accessPoint, place) ? sum + each.lossDb : sum),
    0,
  );
  const downDbm = wifiSignalAt(distanceM, wifiTransmitDbm.accessPoint, wallsDb);
  const upDbm = wifiSignalAt(distanceM, wifiTransmitDbm.phone, wallsDb);
  const conditions = { up: wifiConditionsAt(upDbm), down: wifiConditionsAt(downDbm) };
  return { distanceM, wallsDb, downDbm, upDbm, ...conditions };
}

/** The place on the plan that is nearest, to the decimetre: what a scenario says of a place. */
export function placeOnPlan({ xM, yM }: Place, { widthM, heightM } = floorPlan): Place {
  const within = (value: number, most: number): number =>
    Math.round(Math.min(most, Math.max(0, Number.isFinite(value) ? value : 0)) * 10) / 10;
  return { xM: within(xM, widthM), yM: within(yM, heightM) };
}

/** Rates from which a square of the plan has its shade, in bit/s, the best first. */
export const planRatesBps = [30e6, 15e6, 5e6, 1e6] as const;

/** A square of the plan, and the place of its rate to the phone in {@link planRatesBps}; squares with less are left out. */
export interface PlanSquare extends Place {
  readonly shade: number;
}

/** The plan in squares of `sizeM`, each with what the Wi-Fi is worth in its middle. */
export function planSquares(sizeM: number, plan = floorPlan): PlanSquare[] {
  const squares: PlanSquare[] = [];
  for (let row = 0; row * sizeM < plan.heightM; row++) {
    for (let column = 0; column * sizeM < plan.widthM; column++) {
      const middle = { xM: (column + 0.5) * sizeM, yM: (row + 0.5) * sizeM };
      const { rateBps } = wifiAtPlace(middle, plan).down;
      const shade = planRatesBps.findIndex((least) => rateBps >= least);
      if (shade >= 0) squares.push({ xM: column * sizeM, yM: row * sizeM, shade });
    }
  }
  return squares;
}

/** Whether a wall is crossed on the way from `a` to `b`; one that is only touched is not. */
function isBetween({ from, to }: Wall, a: Place, b: Place): boolean {
  return sideOf(a, b, from) * sideOf(a, b, to) < 0 && sideOf(from, to, a) * sideOf(from, to, b) < 0;
}

/** On which side of the line from `a` to `b` a place is: the sign of it; 0 on the line. */
function sideOf(a: Place, b: Place, place: Place): number {
  return Math.sign((b.xM - a.xM) * (place.yM - a.yM) - (b.yM - a.yM) * (place.xM - a.xM));
}
