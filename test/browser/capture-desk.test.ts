/** What the worker of captures answers, without a browser: its numbers are those of the command line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/index.js';
import { PcapngWriter } from '../../src/capture/index.js';
import {
  allTime,
  type ByteFile,
  everyConnection,
  plotCommand,
  plotKinds,
  readScenario,
  runScenario,
  traceCommand,
} from '../../src/lab/index.js';
import { reportObject, type TraceReport } from '../../src/trace/index.js';
import type { CaptureReply, CaptureRequest } from '../../web/protocol/capture.js';
import { CaptureDesk } from '../../web/workers/capture-desk.js';
import { MemoryFile, unpackers } from '../support/capture-files.js';
import { runSubflow } from '../support/subflow-command.js';

/** A page that asks and remembers. */
class Asker {
  readonly replies: CaptureReply[] = [];
  private readonly desk = new CaptureDesk(unpackers, (reply) => this.replies.push(reply));

  /** The last reply of a type to a request. */
  async ask<Type extends CaptureReply['type']>(
    request: CaptureRequest,
    type: Type,
  ): Promise<CaptureReply & { readonly type: Type }> {
    this.replies.length = 0;
    await this.desk.handle(request);
    const reply = this.replies.findLast((each) => each.type === type);
    expect(reply, JSON.stringify(this.replies).slice(0, 300)).toBeDefined();
    return reply as CaptureReply & { readonly type: Type };
  }

  tell(request: CaptureRequest): Promise<void> {
    return this.desk.handle(request);
  }

  async open(file: ByteFile, includesPlain = false): Promise<void> {
    await this.tell({ type: 'open', file, includesPlain });
  }
}

const folder = mkdtempSync(join(tmpdir(), 'subflow-desk-'));
const capture = join(folder, 'run.pcapng');
let bytes: Uint8Array;

beforeAll(() => {
  const writer = new PcapngWriter();
  runScenario(readScenario('seed=5&traffic=bulk,1M&at=150ms,0,kill').scenario, writer);
  bytes = writer.take();
  writeFileSync(capture, bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command line that the page shows. */
async function run(command: string, ...more: string[]): Promise<string> {
  const words = command.split(' ').slice(1);
  const { out, err, status } = await runSubflow(folder, [...words, ...more]);
  expect(status, err).toBe(0);
  return out;
}

/** Rows of a table as `subflow trace --csv` writes it. */
function table(name: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(join(folder, 'tables', name), 'utf8')
    .trimEnd()
    .split('\r\n');
  const names = head!.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [names[at], cell])));
}

describe('a capture in the lab', () => {
  it('has the report of subflow trace, byte for byte', async () => {
    const page = new Asker();
    await page.open(new MemoryFile('run.pcapng', bytes));
    const { parts, media } = await page.ask({ type: 'export', what: 'json' }, 'file');
    expect(media).toBe('application/json');
    expect(parts.join('')).toBe(await run('subflow trace run.pcapng --json'));
  });

  it('has the numbers of a connection in a span of time as the command line beside it prints them', async () => {
    const page = new Asker();
    await page.open(new MemoryFile('run.pcapng', bytes));
    const span = { fromNs: 100e6, toNs: 300e6 };
    const { drawing } = await page.ask({ type: 'look', connection: 0, span }, 'drawing');
    const looked = { file: 'run.pcapng', connection: drawing.connection, sender: 'server', span } as const;
    const command = traceCommand({ ...looked, includesPlain: false });
    const { connections } = JSON.parse(await run(command, '--json')) as TraceReport;
    // The headers of handshakes are no part of the JSON.
    const object = reportObject({ connections: [drawing.connection] } as unknown as TraceReport);
    expect(connections).toEqual(object['connections']);
    for (const figure of drawing.figures.server) {
      // Bins of goodput end where they are full.
      for (const { x } of figure.series) expect(x[0]).toBeGreaterThanOrEqual(0.1);
    }
  });

  it('has all kinds of figures of subflow plot, and gives them away as it writes them, byte for byte', async () => {
    const page = new Asker();
    await page.open(new MemoryFile('run.pcapng', bytes));
    const { drawing } = await page.ask({ type: 'look', connection: 0, span: allTime }, 'drawing');
    expect(drawing.figures.server.map(({ id }) => id)).toEqual(plotKinds);
    const looked = { file: 'run.pcapng', connection: drawing.connection, sender: 'server' } as const;
    const command = plotCommand({ ...looked, span: allTime });
    await run(command, '--svg', '--csv');
    for (const kind of plotKinds) {
      for (const what of ['svg', 'csv'] as const) {
        const file = await page.ask({ type: 'export', what, kind, sender: 'server' }, 'file');
        expect(file.parts.join('')).toBe(readFileSync(join(folder, 'plots', file.name), 'utf8'));
      }
    }
  });

  it('lists the packets of a connection with the numbers of subflow trace --csv, and finds each again', async () => {
    const page = new Asker();
    await page.open(new MemoryFile('run.pcapng.gz', gzipSync(bytes)));
    const { drawing } = await page.ask({ type: 'look', connection: 0, span: allTime }, 'drawing');
    await run('subflow trace run.pcapng --csv tables');
    const rows = table('packets.csv');
    expect(drawing.packets).toBe(rows.length);
    const ask = { type: 'rows', from: 100, count: 400, hidden: [], packet: 0 } as const;
    const part = await page.ask(ask, 'rows');
    expect(part.rows).toHaveLength(400);
    for (const [index, row] of part.rows.entries()) {
      expect(rows[100 + index]).toMatchObject({
        ...{ packet: `${row.packet}`, atNs: `${row.atNs}`, subflow: `${row.subflow}`, sender: row.sender },
        ...{ flags: `${row.flags}`, payloadBytes: `${row.payloadLength}`, optionBits: `${row.optionBits}` },
        dataOffset: row.dataOffset < 0 ? '' : `${row.dataOffset}`,
      });
    }
    const { packet } = part.rows[200]!;
    const { shown } = await page.ask({ type: 'packet', packet, isPreview: false }, 'packet');
    expect(shown).toMatchObject({ packet, connection: 0, isListed: true, atNs: part.rows[200]!.atNs });
    expect(shown.dissection.problem).toBeNull();
    expect(shown.dissection.layers.map(({ name }) => name).join()).toMatch(/TCP/);
    const one = await page.ask({ ...ask, from: 0, hidden: [0], packet }, 'rows');
    expect(one.rows.every(({ subflow }) => subflow === 1)).toBe(true);
    expect(one.count).toBe(rows.filter(({ subflow }) => subflow === '1').length);
  });

  it('does what was asked for last, and stops when it is told to', async () => {
    const page = new Asker();
    const file = new MemoryFile('run.pcapng', bytes);
    const first = page.open(file);
    await page.open(new MemoryFile('other.pcapng', bytes));
    await first;
    expect(page.replies.filter(({ type }) => type === 'opened')).toHaveLength(1);
    page.replies.length = 0;
    const looking = page.tell({ type: 'look', connection: 0, span: allTime });
    await page.tell({ type: 'stop' });
    await looking;
    expect(page.replies.map(({ type }) => type)).toEqual(Array.from({ length: 4 }, () => 'stopped'));
  });

  it('says in a sentence what is not there', async () => {
    const page = new Asker();
    await page.open(new MemoryFile('run.pcapng', bytes));
    const { message } = await page.ask({ type: 'look', connection: 7, span: allTime }, 'failed');
    expect(message).toBe('There is no connection 7 in this capture.');
    await page.ask({ type: 'packet', packet: 1e9, isPreview: false }, 'failed');
    expect((await page.ask({ type: 'list', filter: everyConnection }, 'list')).found).toBe(1);
    const gone = new MemoryFile('a\u202eb', bytes);
    gone.vanish();
    await page.open(gone);
    expect(page.replies.at(-1)).toMatchObject({
      ...{ type: 'failed', task: 'open' },
      message: 'a\\u{202e}b: it cannot be read, or changed or vanished while it was: open it again',
    });
    await page.open(new MemoryFile('empty', new Uint8Array(0)));
    expect(page.replies.at(-1)).toMatchObject({ message: 'empty: the file is empty' });
    // What belongs to no file that is open is not answered, and breaks nothing.
    page.replies.length = 0;
    await page.tell({ type: 'rows', from: 0, count: 9, hidden: [], packet: 0 });
    await page.tell({ type: 'packet', packet: 1, isPreview: false });
    expect(page.replies).toEqual([]);
  });
});

describe('captures that were mutated or cut', () => {
  const fixtures = join(import.meta.dirname, '..', '..', 'src', 'capture', 'fixtures');
  const corpus = readdirSync(fixtures)
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .map((name) => new Uint8Array(readFileSync(join(fixtures, name))));

  /** Everything that a page asks of a file; what it must be told whatever the bytes are. */
  async function lookThrough(file: ByteFile): Promise<void> {
    const page = new Asker();
    await page.open(file, true);
    const opened = page.replies.findLast(({ type }) => type === 'opened' || type === 'failed');
    expect(opened).toBeDefined();
    if (opened?.type !== 'opened') return;
    const { summary } = opened;
    await page.ask({ type: 'list', filter: { ...everyConnection, text: '10' } }, 'list');
    if (summary.busiest !== null) {
      const request = { type: 'look', connection: summary.busiest, span: allTime } as const;
      const { drawing } = await page.ask(request, 'drawing');
      const { rows } = await page.ask({ type: 'rows', from: 0, count: 500, hidden: [], packet: 1 }, 'rows');
      expect(rows.length).toBe(Math.min(500, drawing.packets));
    }
    for (const packet of [1, Math.ceil(summary.packets / 2), summary.packets]) {
      if (packet < 1 || packet > summary.packets) continue;
      const { shown } = await page.ask({ type: 'packet', packet, isPreview: false }, 'packet');
      const ends = shown.dissection.layers.map(({ offset, length }) => offset + length);
      expect(Math.max(0, ...ends)).toBeLessThanOrEqual(shown.bytes.length);
    }
  }

  it('are shown as far as they go, or refused in a sentence', async () => {
    const random = new SeededRandom(8);
    for (let round = 0; round < 120; round++) {
      const original = round % 4 === 0 ? bytes.subarray(0, 60_000) : corpus[round % corpus.length]!;
      const damaged = original.slice(0, round % 3 === 0 ? random.nextUint32() % original.length : undefined);
      const changes = damaged.length === 0 ? 0 : random.nextUint32() % 40;
      for (let i = 0; i < changes; i++) damaged[random.nextUint32() % damaged.length] = random.nextUint32();
      const isPacked = round % 7 === 0;
      await lookThrough(new MemoryFile(`round ${round}`, isPacked ? gzipSync(damaged) : damaged));
    }
  });

  it('are read up to wherever they were cut', async () => {
    const short = bytes.subarray(0, 4000);
    for (let length = 0; length < short.length; length += 131) {
      await lookThrough(new MemoryFile('cut', short.subarray(0, length)));
    }
  });
});
