import { describe, expect, it } from 'vitest';
import { PcapngWriter } from '../capture/index.js';
import { checkFigure, columnBuffers, figureData } from '../plot/index.js';
import {
  boxNames,
  congestionNames,
  defaultScenario,
  LabWorld,
  liveKinds,
  makeLiveFigure,
  readScenario,
  runScenario,
  type Scenario,
  scenarioLimits,
  schedulerNames,
  serviceNames,
  summarise,
} from './index.js';

const short: Scenario = { ...defaultScenario, traffic: { kind: 'bulk', bytes: 1.5e6 } };

describe('a scenario at work', () => {
  it('delivers every byte, over both paths, and ends', () => {
    const { isDone, bytesDelivered, isIntact, isMultipath, version, paths, goodputBps } = summarise(
      runScenario(short),
    );
    expect({ isDone, bytesDelivered, isIntact, isMultipath, version }).toEqual({
      ...{ isDone: true, bytesDelivered: 1.5e6, isIntact: true, isMultipath: true, version: 1 },
    });
    expect(paths.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(1.5e6);
    expect(Math.min(...paths.map(({ share }) => share))).toBeGreaterThan(0.1);
    for (const { chosen, srttNs, cwndBytes } of paths) {
      expect(chosen).toBeGreaterThan(50);
      expect(srttNs).toBeGreaterThan(20e6);
      expect(cwndBytes).toBeGreaterThan(10_000);
    }
    expect(goodputBps).toBeGreaterThan(12e6);
    expect(goodputBps).toBeLessThan(32e6);
  });

  it('gives the same numbers however it is cut into steps', () => {
    const whole = summarise(runScenario(short));
    const world = new LabWorld(short);
    for (let i = 0; i < 2000; i++) world.step();
    for (let step = 1; !world.isDone; step = (step * 7) % 31) world.advance(world.now + step * 1.7e6, 500);
    expect(summarise(world)).toEqual(whole);
  });

  it('is replayed with what was done to it while it ran', () => {
    const world = new LabWorld({ ...short, traffic: { kind: 'bulk', bytes: 4e6 } });
    world.advance(700e6);
    world.act(0, 'kill');
    world.advance(1500e6);
    world.act(1, 'fade');
    world.advance(1800e6);
    world.act(0, 'restore');
    while (!world.isDone) world.advance(world.now + 16e6);
    const live = summarise(world);
    expect(live.bytesDelivered).toBe(4e6);
    expect(live.reinjectedBytes).toBeGreaterThan(0);
    expect(summarise(runScenario(readScenario(live.scenario).scenario))).toEqual(live);
  });

  it('does nothing to a path that there is not, and takes no more than its limit of incidents', () => {
    const world = new LabWorld(short);
    expect(world.act(7, 'kill')).toBeUndefined();
    for (let i = 0; i < scenarioLimits.incidents; i++) world.act(0, 'restore');
    expect(world.act(0, 'kill')).toBeUndefined();
  });

  it('has all kinds of traffic', () => {
    const requests = summarise(
      runScenario({
        ...short,
        traffic: { kind: 'requests', count: 5, bytes: 50_000, pauseNs: 100e6 },
      }),
    );
    expect(requests.bytesDelivered).toBe(250_000);
    expect(requests.medianAnswerNs).toBeGreaterThan(20e6);
    expect(requests.longestAnswerNs).toBeGreaterThanOrEqual(requests.medianAnswerNs!);
    const stream = summarise(
      runScenario({ ...short, traffic: { kind: 'stream', rateBps: 4e6, durationNs: 2e9 } }),
    );
    expect(stream.bytesDelivered).toBe(1e6);
    expect(stream.completedAtNs! - stream.establishedAtNs!).toBeGreaterThan(1.9e9);
    expect(stream.completedAtNs! - stream.establishedAtNs!).toBeLessThan(2.3e9);
  });

  it.each([
    ...schedulerNames.map((scheduler) => ({ scheduler })),
    ...congestionNames.map((congestion) => ({ congestion })),
    ...serviceNames.map((service) => ({ service })),
    { version: 0 as const },
    { checksum: true },
    { windowBytes: 30_000 },
  ])('delivers every byte with %o', (choice) => {
    const { bytesDelivered, isIntact } = summarise(
      runScenario({ ...short, ...choice, traffic: { kind: 'bulk', bytes: 500_000 } }),
    );
    expect({ bytesDelivered, isIntact }).toEqual({ bytesDelivered: 500_000, isIntact: true });
  });

  it('goes on as plain TCP behind a box that strips the options, and keeps its figures', () => {
    const [wifi, lte] = short.paths;
    const world = runScenario({ ...short, paths: [{ ...wifi!, box: 'strip-mptcp' }, lte!] });
    const { isMultipath, fallback, bytesDelivered, paths } = summarise(world);
    expect({ isMultipath, bytesDelivered }).toEqual({ isMultipath: false, bytesDelivered: 1.5e6 });
    expect(fallback).not.toBeNull();
    expect(paths.map(({ bytes }) => bytes)).toEqual([1.5e6, 0]);
    expect(makeLiveFigure('sequence', world).series.map(({ name }) => name)).toContain('Wi-Fi');
  });

  it('joins from behind a translator', () => {
    const [wifi, lte] = short.paths;
    const { paths, isIntact } = summarise(runScenario({ ...short, paths: [wifi!, { ...lte!, box: 'nat' }] }));
    expect(isIntact).toBe(true);
    expect(paths[1]!.bytes).toBeGreaterThan(0);
  });

  it('has figures of every kind that can be drawn, and says why the scheduler decided', () => {
    const world = runScenario({ ...short, scheduler: 'blest', windowBytes: 100_000 });
    for (const kind of liveKinds) checkFigure(makeLiveFigure(kind, world));
    const { decisions, paths } = summarise(world);
    expect(decisions.preferred + decisions['only-room']).toBeGreaterThan(100);
    expect(decisions['windows-full'] + decisions['peer-window'] + decisions.waits).toBeGreaterThan(0);
    expect(paths[0]!.chosen).toBeGreaterThan(100);
  });

  it('notes packets on their way only while somebody draws them, and what becomes of them', () => {
    const world = new LabWorld(short);
    world.advance(500e6);
    const flights = world.flights.take(world.now);
    expect(flights.length).toBeGreaterThan(0);
    for (let at = 0; at < flights.length; at += 5) {
      expect(flights[at + 2]).toBeGreaterThanOrEqual(flights[at + 1]!);
      expect(flights[at + 3]).toBeGreaterThanOrEqual(flights[at + 2]!);
      expect(flights[at + 3]).toBeGreaterThan(world.now);
    }
    world.flights.isWanted = false;
    world.advance(600e6);
    expect(world.flights.take(0).length).toBe(0);
  });

  it('writes its packets to a capture, without a change to its numbers', () => {
    const writer = new PcapngWriter();
    const world = runScenario(short, writer);
    expect(writer.take().length).toBeGreaterThan(1.5e6);
    expect(summarise(world)).toEqual(summarise(runScenario(short)));
  });

  it.each([
    ...boxNames.map((box) => ({
      what: box,
      choice: { paths: [{ ...short.paths[0]!, box }, short.paths[1]!] },
    })),
    {
      what: 'loss',
      choice: { paths: short.paths.map((path) => ({ ...path, loss: 0.02, bufferBytes: 20_000 })) },
    },
    { what: 'version 0 and checksums', choice: { version: 0 as const, checksum: true } },
    { what: 'copies of all data', choice: { scheduler: 'redundant', windowBytes: 50_000 } },
  ])('draws the same of packets that nobody has written as of their bytes, with $what', ({ choice }) => {
    const scenario = { ...short, ...choice, traffic: { kind: 'bulk', bytes: 300_000 } as const };
    const incidents = [{ atUs: 60_000, path: 1, what: 'kill' } as const];
    const drawn = (world: LabWorld): unknown =>
      liveKinds.map((kind) => makeLiveFigure(kind, world).series.map(({ name, points }) => [name, points]));
    const unwritten = runScenario({ ...scenario, incidents });
    // A capture has every packet written before anybody else sees it.
    const written = runScenario({ ...scenario, incidents }, new PcapngWriter());
    expect(summarise(unwritten)).toEqual(summarise(written));
    expect(drawn(unwritten)).toEqual(drawn(written));
  });

  it('hands out figures as columns, which hold their points in the order of time', () => {
    const world = runScenario({ ...short, windowBytes: 100_000 });
    const figures = liveKinds.map((id) => ({ id, figure: makeLiveFigure(id, world) }));
    const data = figures.map(figureData);
    figures.forEach(({ figure }, at) =>
      figure.series.forEach(({ points, kind }, index) => {
        const { x, y, top } = data[at]!.series[index]!;
        expect(Array.from(x)).toEqual(points.map((point) => point.x));
        expect(Array.from(y)).toEqual(points.map((point) => point.y));
        expect(top !== undefined).toBe(kind === 'segments' || kind === 'area');
      }),
    );
    const buffers = columnBuffers(data);
    const moved = structuredClone(data, { transfer: buffers });
    expect(new Set(buffers).size).toBe(buffers.length);
    expect(moved[0]!.series[0]!.x.length).toBeGreaterThan(10);
    expect(buffers.every(({ byteLength }) => byteLength === 0)).toBe(true);
  });
});
