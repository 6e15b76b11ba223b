/** Runs the command line as a user does, in a folder of its own that goes away with the tests. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'subflow.js');

export interface Finished {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A folder to run commands in. */
export class CommandFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'subflow-commands-'));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Runs `subflow ARGS` to its end, with the file `input` on its standard input. */
  run(args: readonly string[], input = ''): Promise<Finished> {
    return this.start(process.execPath, [launcher, ...args], input);
  }

  /** The same where no file may be longer than so many blocks of 1,024 bytes. */
  runInRoom(blocks: number, args: readonly string[]): Promise<Finished> {
    const command = `ulimit -f ${blocks}; exec "$@"`;
    return this.start('bash', ['-c', command, 'bash', process.execPath, launcher, ...args], '');
  }

  private start(program: string, args: readonly string[], input: string): Promise<Finished> {
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        { cwd: this.path, timeout: 60_000, maxBuffer: 1 << 26 },
        (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
      child.stdin!.on('error', () => undefined);
      child.stdin!.end(input === '' ? undefined : this.bytes(input));
    });
  }

  /** The file `name` of the folder. */
  bytes(name: string): Buffer {
    return readFileSync(join(this.path, name));
  }

  text(name: string): string {
    return this.bytes(name).toString();
  }

  /** A table that was written, as objects by column. */
  table(name: string): Record<string, string>[] {
    const [head, ...lines] = this.text(name).trimEnd().split('\r\n');
    const names = head!.split(',');
    return lines.map((line) => {
      const cells = line.split(',');
      return Object.fromEntries(names.map((column, index) => [column, cells[index]!]));
    });
  }
}
