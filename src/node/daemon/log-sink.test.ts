import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces } from '../../linux/index.js';
import { Log } from './log.js';
import { LogSink, maxWaitingLogBytes } from './log-sink.js';

let folder: string;
const open: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'subflow-sink-'));
});
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function opened(path: string, flags: number | string): number {
  const fd = openSync(path, flags);
  open.push(fd);
  return fd;
}

/** The two ends of a pipe; the one for writing waits where it is full, as one that a shell makes. */
function pipe(): { readonly reader: number; readonly writer: number } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = opened(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: opened(path, constants.O_WRONLY) };
}

/** All that can be read now. */
function readAll(fd: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    try {
      const length = readSync(fd, chunk);
      if (length === 0) break;
      chunks.push(chunk.subarray(0, length));
    } catch {
      break;
    }
  }
  return Buffer.concat(chunks).toString();
}

describe('where the lines of a log go', () => {
  it('waits in bounded memory for a reader that stopped, and says how many lines were lost when it goes on', async () => {
    const { reader, writer } = pipe();
    const sink = new LogSink(writer);
    const log = new Log({ sink: (line) => sink.write(line), format: 'json', unrationed: ['line'] });
    for (let i = 0; i < 10_000; i++) log.info('line', 'x'.repeat(100), { i });
    let text = '';
    await expect
      .poll(
        () => {
          text += readAll(reader);
          return text.length;
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(maxWaitingLogBytes - 1000);
    log.info('line', 'after', { i: -1 });
    await sink.close();
    text += readAll(reader);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { i: number; lostLines?: number });
    const last = lines.pop()!;
    expect(last).toMatchObject({ i: -1, lostLines: 10_000 - lines.length });
    expect(lines.map(({ i }) => i)).toEqual(lines.map((_, index) => index));
  });

  it('leaves the flags of what others share alone, and does not end with a reader that left', async () => {
    const { reader, writer } = pipe();
    const sink = new LogSink(writer);
    const flags = (): string =>
      /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${writer}`, 'utf8'))![1]!;
    expect(Number(`0o${flags()}`) & constants.O_NONBLOCK).toBe(0);
    expect(sink.write('one\n')).toBe(true);
    expect(readAll(reader)).toBe('one\n');
    closeSync(open.splice(open.indexOf(reader), 1)[0]!);
    expect(sink.write('two\n')).toBe(false);
    expect(sink.write('three\n')).toBe(false);
    await sink.close();
  });

  it('gives up on a reader that never goes on when the command ends', async () => {
    const { writer } = pipe();
    const sink = new LogSink(writer);
    for (let i = 0; i < 1000; i++) sink.write(`${'x'.repeat(200)}\n`);
    await sink.close();
    expect(sink.write('late\n')).toBe(false);
  });

  it('loses lines that a full device does not take, and goes on', () => {
    const sink = new LogSink(opened('/dev/full', 'w'));
    expect(sink.write('lost\n')).toBe(false);
    expect(sink.write('lost\n')).toBe(false);
  });

  it('is a file that others may write to as well', async () => {
    const file = join(folder, 'log');
    const sink = new LogSink(opened(file, 'a'));
    sink.write('one\n');
    execFileSync('sh', ['-c', `echo two >> ${file}`]);
    sink.write('three\n');
    await sink.close();
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\n');
  });

  it('is a socket, as journald gives: one that is full holds nobody up', async () => {
    const program = `
      import { LogSink } from ${JSON.stringify(join(import.meta.dirname, '../../../dist/node/daemon/log-sink.js'))};
      const sink = new LogSink(1);
      let taken = 0;
      while (sink.write('x'.repeat(999) + '\\n')) taken++;
      process.stderr.write(String(taken));
      await sink.close();`;
    // Node gives a child sockets, and this one is not read until the child is done.
    const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
    let said = '';
    for await (const chunk of child.stderr) said += String(chunk);
    let bytes = 0;
    for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
    expect(Number(said)).toBeGreaterThan(maxWaitingLogBytes / 1000 - 1);
    expect(bytes).toBeGreaterThan(0);
  });
});

describeWith('a disk that is full', [mayCreateNamespaces()], () => {
  it('loses lines, and takes whole ones again once it has room', () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    try {
      const file = join(folder, 'log');
      const filler = join(folder, 'filler');
      const fd = openSync(file, 'a');
      try {
        const sink = new LogSink(fd);
        sink.write('first\n');
        try {
          execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'], { stdio: 'ignore' });
        } catch {
          // It ends with the disk's being full.
        }
        let taken = 1;
        while (sink.write(`${'x'.repeat(999)}\n`)) taken++;
        expect(taken).toBeLessThan(10);
        rmSync(filler);
        expect(sink.write('last\n')).toBe(true);
        const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
        expect(lines[0]).toBe('first');
        expect(lines.at(-1)).toBe('last');
      } finally {
        closeSync(fd);
      }
    } finally {
      execFileSync('umount', [folder]);
    }
  });
});
