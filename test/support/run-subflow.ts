/** A folder of its own to run commands in; it goes away with the tests. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Finished, launcher, runProgram, runSubflow, spawnSubflow } from './subflow-command.js';

/** A folder to run commands in. */
export class CommandFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'subflow-commands-'));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Runs `subflow ARGS` to its end; where `input` is given, with that file on the standard input of a process. */
  run(args: readonly string[], input = ''): Promise<Finished> {
    return input === '' ? runSubflow(this.path, args) : spawnSubflow(this.path, args, this.bytes(input));
  }

  /** The same where no file may be longer than so many blocks of 1,024 bytes. */
  runInRoom(blocks: number, args: readonly string[]): Promise<Finished> {
    const command = `ulimit -f ${blocks}; exec "$@"`;
    return runProgram(this.path, 'bash', ['-c', command, 'bash', process.execPath, launcher, ...args]);
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
