import { describe, expect, it } from 'vitest';
import {
  floorPlan,
  type Incident,
  LabWorld,
  PLACE_STEP_NS,
  placeAt,
  placeOnPlan,
  PlaceSampler,
  planSquares,
  readScenario,
  roamingPath,
  runScenario,
  summarise,
  wifiAtPlace,
} from './index.js';

const room = (name: string) => floorPlan.rooms.find((each) => each.name === name)!;

describe('the floor plan', () => {
  it('has a Wi-Fi that is good beside the access point, worse behind walls, and gone on the street', () => {
    const near = wifiAtPlace(floorPlan.start);
    expect(near.wallsDb).toBe(0);
    expect(near.down.rateBps).toBeGreaterThan(30e6);
    expect(wifiAtPlace(room('office')).down.rateBps).toBeLessThan(near.down.rateBps / 1.5);
    const street = wifiAtPlace(room('street'));
    expect(street.wallsDb).toBeGreaterThan(3);
    expect(street.downDbm).toBeLessThan(-86.4);
    expect(street.upDbm).toBeCloseTo(street.downDbm - 5, 9);
  });

  it('counts the walls in between, and lets signals through doors', () => {
    const one = { from: { xM: 5, yM: 0 }, to: { xM: 5, yM: 4 }, lossDb: 7 };
    const plan = { ...floorPlan, accessPoint: { xM: 0, yM: 2 }, walls: [one, { ...one, lossDb: 3 }] };
    expect(wifiAtPlace({ xM: 10, yM: 2 }, plan).wallsDb).toBe(10);
    expect(wifiAtPlace({ xM: 4, yM: 2 }, plan).wallsDb).toBe(0);
    expect(wifiAtPlace({ xM: 10, yM: 14 }, plan).wallsDb).toBe(0);
  });

  it('keeps every place within it, to the decimetre', () => {
    expect(placeOnPlan({ xM: 3.14159, yM: -5 })).toEqual({ xM: 3.1, yM: 0 });
    expect(placeOnPlan({ xM: 1e9, yM: Number.NaN })).toEqual({ xM: floorPlan.widthM, yM: 0 });
  });

  it('is shaded by the rate to the phone, and not at all where there is none', () => {
    const squares = planSquares(1);
    const shadeOf = (xM: number, yM: number) => squares.find((s) => s.xM === xM && s.yM === yM)?.shade;
    expect(shadeOf(3, 3)).toBe(0);
    expect(shadeOf(19, 11)).toBeGreaterThan(0);
    expect(shadeOf(33, 13)).toBeUndefined();
  });
});

describe('a phone that is dragged', () => {
  it('has its place noted at whole tenths of a second, and only where it moved', () => {
    const sampler = new PlaceSampler();
    expect(sampler.take(0, 1e9)).toBeUndefined();
    sampler.move({ xM: 8.04, yM: 4 });
    expect(sampler.take(30e6, 60e6)).toBeUndefined();
    sampler.move({ xM: 9.04, yM: 4 });
    expect(sampler.take(60e6, 120e6)).toEqual({ atUs: 100_000, place: { xM: 9, yM: 4 } });
    sampler.move({ xM: 9.01, yM: 4 });
    expect(sampler.take(120e6, 900e6)).toBeUndefined();
    sampler.move({ xM: 12, yM: 4 });
    expect(sampler.take(100e6, 150e6)).toBeUndefined();
    expect(sampler.take(150e6, 5e9)?.atUs).toBe(200_000);
    sampler.move({ xM: 1, yM: 1 });
    sampler.clear();
    expect(sampler.pending).toBeUndefined();
  });

  it('is where its last incident before an instant says, of the path that says Wi-Fi', () => {
    const { scenario } = readScenario(
      'path=LTE,9M,9ms,0%,90k&path=wlan0,9M,9ms,0%,90k&at=2s,1,place,20,7&at=1s,1,place,12.5,7&at=1s,0,place,1,1&at=1s,1,kill',
    );
    expect(roamingPath(scenario)).toBe(1);
    expect(placeAt(scenario, 1, 0.9e9)).toEqual(floorPlan.start);
    expect(placeAt(scenario, 1, 1e9)).toEqual({ xM: 12.5, yM: 7 });
    expect(placeAt(scenario, 1, 9e9)).toEqual({ xM: 20, yM: 7 });
  });
});

describe('a path below a phone that roams', () => {
  /** From the living room to the street within four seconds, and back again after seven. */
  function walk(back: boolean): Incident[] {
    const steps = back ? [...Array(80).keys()] : [...Array(40).keys()];
    return steps.map((step) => {
      const along = (step < 40 ? step : 79 - step) / 40;
      const xM = Math.round((5.5 + along * 25) * 10) / 10;
      const atUs = (step < 40 ? 500_000 : 3_000_000) + (step * PLACE_STEP_NS) / 1000;
      return { atUs, path: 0, what: 'place', place: { xM, yM: 7 } };
    });
  }
  const { scenario } = readScenario('seed=3&traffic=stream,500k,16s');

  it('has the connection go on over the cellular one, and comes back with the Wi-Fi', () => {
    const away = summarise(runScenario({ ...scenario, incidents: walk(false) }));
    const back = summarise(runScenario({ ...scenario, incidents: walk(true) }));
    const stay = summarise(runScenario(scenario));
    expect([away, back, stay].map((s) => s.isIntact && s.completedAtNs !== null)).toEqual([true, true, true]);
    const shares = [stay, back, away].map(({ paths }) => paths[0]!.share);
    expect(shares[0]).toBeGreaterThan(shares[1]! + 0.1);
    expect(shares[1]).toBeGreaterThan(shares[2]! + 0.1);
  });

  it('loses its carrier two seconds after the last beacon, and is faded and restored as well', () => {
    const at = (atUs: number, name: string): Incident => {
      const { xM, yM } = placeOnPlan(room(name));
      return { atUs, path: 0, what: 'place', place: { xM, yM } };
    };
    const world = new LabWorld({ ...scenario, incidents: [at(1e6, 'street'), at(8e6, 'living room')] });
    const [path] = world.conditions;
    const { forward, backward } = world.links[0]!;
    world.advance(2.9e9);
    expect([path!.isAssociated, backward.state]).toEqual([true, 'up']);
    expect(forward.options.rateBps).toBeLessThan(1e6);
    world.advance(3.1e9);
    expect([path!.isAssociated, backward.state, forward.state]).toEqual([false, 'down', 'blackhole']);
    world.advance(9.9e9);
    expect(path!.isAssociated).toBe(false);
    world.act(0, 'fade');
    world.advance(10.1e9);
    expect([path!.isAssociated, backward.state, path!.isFaded]).toEqual([true, 'up', true]);
    expect(forward.options).toMatchObject({ rateBps: 2e6 });
    world.act(0, 'restore');
    world.advance(11e9);
    expect(forward.options.rateBps).toBe(20e6);
  });

  it('is replayed to the byte, also with what happens at the instant when the association ends', () => {
    const live = new LabWorld(scenario);
    const add = (atUs: number, xM: number, yM: number): boolean =>
      live.add({ atUs, path: 0, what: 'place', place: { xM, yM } });
    live.advance(1e9);
    expect(add(1_000_000, 30, 7)).toBe(true);
    live.advance(3e9);
    expect(add(2_900_000, 30, 7)).toBe(false);
    expect(add(3_000_000, 5, 5)).toBe(true);
    live.advance(4e9);
    live.act(1, 'kill');
    live.advance(5.03e9);
    expect(add(5_100_000, 12, 7)).toBe(true);
    live.act(1, 'restore');
    while (!live.isDone) live.advance(live.now + 37e6);
    const shown = summarise(live);
    const again = readScenario(shown.scenario);
    expect(again.problems).toEqual([]);
    expect(summarise(runScenario(again.scenario))).toEqual(shown);
  });
});
