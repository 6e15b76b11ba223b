import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { server, servers } from '../../../test/support/balancer-packets.js';
import { type Generation, GenerationLog, generationToJson } from '../../balancer/index.js';
import { MINUTE, SECOND } from '../../base/index.js';
import { checkedLine } from './checked-lines.js';
import { embeddedStore, type WriteAll } from './embedded-store.js';
import type { StateStore, StoreEvent } from './state-store.js';

const start = 1_800_000_000 * SECOND;
let folder: string;
let opened: StateStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-store-'));
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function storeIn(path = folder, write?: WriteAll): Promise<StateStore> {
  const store = await embeddedStore({ folder: path, ...(write !== undefined && { write }) });
  opened.push(store);
  return store;
}

/** A log of so many generations. */
function logOf(count: number): { log: GenerationLog; generations: Generation[] } {
  const log = new GenerationLog('beamer', { buckets: 64, chainNs: MINUTE });
  const generations = Array.from({ length: count }, (_, i) => {
    const generation = log.next(start + i * SECOND, servers(1 + (i % 3)), `change ${i}`);
    log.append(generation);
    return generation;
  });
  return { log, generations };
}

async function fill(store: StateStore, generations: readonly Generation[]): Promise<void> {
  await store.load();
  for (const generation of generations) expect(await store.append(generation)).toBe(true);
}

describe('a store on disk', () => {
  it('is empty at first, and makes its folder', async () => {
    const store = await storeIn(join(folder, 'a', 'b'));
    expect(await store.load()).toBeUndefined();
  });

  it('gives back what was appended, after it was closed and opened', async () => {
    const { generations } = logOf(5);
    const first = await storeIn();
    await fill(first, generations);
    await first.close();
    expect(await (await storeIn()).load()).toEqual({ snapshot: undefined, generations });
  });

  it('takes no generation that does not follow', async () => {
    const { generations } = logOf(3);
    const store = await storeIn();
    await fill(store, generations.slice(0, 2));
    expect(await store.append(generations[0]!)).toBe(false);
    expect(await store.append({ ...generations[2]!, number: 9 })).toBe(false);
    expect(await store.append(generations[2]!)).toBe(true);
  });

  it('has a snapshot take the place of the log, and goes on behind it', async () => {
    const { log, generations } = logOf(4);
    const store = await storeIn();
    await fill(store, generations);
    const snapshot = log.snapshot();
    await store.compact(snapshot);
    expect(readFileSync(join(folder, 'generations.log')).length).toBe(0);
    const next = log.next(start + MINUTE, [server(1)], 'later');
    expect(await store.append(next)).toBe(true);
    await store.close();
    expect(await (await storeIn()).load()).toEqual({ snapshot, generations: [next] });
    expect(readdirSync(folder).sort()).toEqual(['generations.log', 'lock', 'snapshot']);
  });

  it('keeps generations that are later than the snapshot', async () => {
    const { generations } = logOf(4);
    const store = await storeIn();
    await fill(store, generations);
    await store.compact({ generation: generations[1]! });
    await store.close();
    expect(await (await storeIn()).load()).toEqual({
      snapshot: { generation: generations[1] },
      generations: generations.slice(2),
    });
  });

  it('loses nothing but the line that was being written when it was stopped, at whatever byte', async () => {
    const { generations } = logOf(2);
    const store = await storeIn();
    await fill(store, generations);
    await store.close();
    const whole = readFileSync(join(folder, 'generations.log'));
    for (let length = 0; length <= whole.length; length++) {
      const copy = join(folder, `cut-${length}`);
      mkdirSync(copy);
      copyFileSync(join(folder, 'generations.log'), join(copy, 'generations.log'));
      truncateSync(join(copy, 'generations.log'), length);
      const lines = whole.subarray(0, length).filter((byte) => byte === 0x0a).length;
      const cut = await embeddedStore({ folder: copy });
      const expected = generations.slice(0, lines);
      expect((await cut.load())?.generations ?? []).toEqual(expected);
      // It goes on where it was cut.
      if (lines < 2) expect(await cut.append(generations[lines]!)).toBe(true);
      await cut.close();
      const again = await embeddedStore({ folder: copy });
      expect((await again.load())!.generations).toEqual(generations.slice(0, Math.min(2, lines + 1)));
      await again.close();
      rmSync(copy, { recursive: true });
    }
  });

  it('is whole when it was stopped between the snapshot and the cut of the log', async () => {
    const { log, generations } = logOf(3);
    const store = await storeIn();
    await fill(store, generations);
    const before = readFileSync(join(folder, 'generations.log'));
    const snapshot = log.snapshot();
    await store.compact(snapshot);
    await store.close();
    writeFileSync(join(folder, 'generations.log'), before);
    writeFileSync(join(folder, 'snapshot.new'), 'half a snap');
    const again = await storeIn();
    expect(await again.load()).toEqual({ snapshot, generations: [] });
    const next = log.next(start + MINUTE, [server(1)], 'later');
    expect(await again.append(next)).toBe(true);
    await again.close();
    expect(await (await storeIn()).load()).toEqual({ snapshot, generations: [next] });
  });

  it('refuses damage that no stop explains, and names the place', async () => {
    const { log, generations } = logOf(3);
    const store = await storeIn();
    await fill(store, generations);
    await store.close();
    const path = join(folder, 'generations.log');
    const whole = readFileSync(path);
    const spoilt = Buffer.from(whole);
    spoilt[whole.indexOf(0x0a) + 20]! ^= 1;
    writeFileSync(path, spoilt);
    await expect((await storeIn()).load()).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_BAD_STATE',
      message: expect.stringContaining('generations.log: line 2'),
    });
    await opened.pop()!.close();
    writeFileSync(path, whole.subarray(whole.indexOf(0x0a) + 1));
    await expect((await storeIn()).load()).rejects.toMatchObject({
      message: expect.stringContaining('generation 1 is missing'),
    });
    await opened.pop()!.close();
    writeFileSync(path, whole);
    const third = await storeIn();
    await third.load();
    await third.compact(log.snapshot());
    await third.close();
    truncateSync(join(folder, 'snapshot'), 100);
    await expect((await storeIn()).load()).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_STATE' });
  });

  it('has one process at a time', async () => {
    const first = await storeIn();
    await expect(storeIn()).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_BUSY',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.close();
    await storeIn();
  });

  it('says that it cannot be opened, and why', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(storeIn(join(folder, 'file', 'x'))).rejects.toMatchObject({
      code: 'ERR_SUBFLOW_STORE_UNAVAILABLE',
      message: expect.stringContaining('ENOTDIR'),
    });
  });

  it('goes on after the disk was full at whatever byte, and has told of it', async () => {
    const { log, generations } = logOf(4);
    const needed = Buffer.concat(generations.slice(0, 3).map((each) => checkedLine(generationToJson(each))));
    for (let room = 0; room < needed.length; room += 29) {
      const copy = join(folder, `full-${room}`);
      let left = room;
      const write: WriteAll = async (file, bytes, position) => {
        const fits = Math.min(left, bytes.length);
        await file.write(bytes, 0, fits, position);
        left -= fits;
        if (fits < bytes.length) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
      };
      const store = await embeddedStore({ folder: copy, write });
      await store.load();
      const events = store.watch()[Symbol.asyncIterator]();
      expect((await events.next()).value).toEqual({ type: 'reach', isReachable: true, why: '' });
      let stored = 0;
      for (const generation of generations.slice(0, 3)) {
        try {
          await store.append(generation);
          stored++;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SUBFLOW_STORE_UNAVAILABLE' });
          break;
        }
      }
      await expect(store.compact(log.snapshot())).rejects.toMatchObject({
        code: 'ERR_SUBFLOW_STORE_UNAVAILABLE',
      });
      expect((await events.next()).value).toMatchObject({ type: 'reach', isReachable: false });
      left = Number.POSITIVE_INFINITY;
      for (const generation of generations.slice(stored)) expect(await store.append(generation)).toBe(true);
      expect((await events.next()).value).toMatchObject({ type: 'reach', isReachable: true });
      await store.close();
      const again = await embeddedStore({ folder: copy });
      expect(await again.load()).toEqual({ snapshot: undefined, generations });
      await again.close();
      rmSync(copy, { recursive: true });
    }
  });

  it('ends what watches it when it is closed, and refuses what comes later', async () => {
    const store = await storeIn();
    const seen: StoreEvent[] = [];
    const watching = (async () => {
      for await (const event of store.watch()) seen.push(event);
    })();
    await store.load();
    await store.close();
    await store.close();
    await watching;
    expect(seen).toEqual([{ type: 'reach', isReachable: true, why: '' }]);
    await expect(store.load()).rejects.toMatchObject({ code: 'ERR_SUBFLOW_CLOSED' });
  });
});
