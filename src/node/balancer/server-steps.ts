/**
 * Changes of a machine's settings that can be taken back: sysctls and commands of iproute2. What was changed is written to a journal
 * before it is done, so that whoever comes after a crash takes it back, or goes on with it. Knows nothing of what the changes are for.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SubflowError } from '../../base/index.js';
import { inside, type NetworkNamespace } from '../../linux/index.js';
import { runIp } from '../../linux/index.js';

/** A kernel parameter that is to have a value. */
export interface SysctlStep {
  readonly kind: 'sysctl';
  /** With slashes, as under /proc/sys: names of interfaces may have dots. */
  readonly name: string;
  readonly value: string;
  /** Values that do as well. */
  readonly accepts: readonly string[];
  /** For people: what it is for. */
  readonly why: string;
}

/** Commands of `ip`, without its name; `-6` may come first. */
export interface IpStep {
  readonly kind: 'ip';
  /** Unique among the steps. */
  readonly name: string;
  readonly commands: readonly string[];
  readonly undo: string;
  /** A command that shows the change, and a part of what it then prints. */
  readonly shows: string;
  readonly sign: string;
  readonly why: string;
}

/** One change. */
export type SetupStep = SysctlStep | IpStep;

/** A change that was made, with what it takes to take it back. */
interface DoneStep {
  readonly step: SetupStep;
  /** Of sysctls: the value before. */
  readonly before: string;
}

interface JournalFile {
  readonly pid: number;
  /** When the process was started, in the kernel's ticks: numbers of processes come again. */
  readonly startTicks: string;
  readonly done: readonly DoneStep[];
}

/** The command for a shell that does the same. */
export function commandsOf(step: SetupStep): readonly string[] {
  return step.kind === 'sysctl'
    ? [sysctlCommand(step.name, step.value)]
    : step.commands.map((command) => `ip ${command}`);
}

function sysctlCommand(name: string, value: string): string {
  return `sysctl -w ${name.includes('.') ? name : name.replaceAll('/', '.')}=${value}`;
}

const keyOf = (step: SetupStep): string => `${step.kind} ${step.name}`;

/** What identifies a change, however it is made and taken back: a step that came to mean another change is another step. */
const contentOf = (step: SetupStep): string =>
  `${keyOf(step)} ${step.kind === 'sysctl' ? step.value : step.sign}`;

/** See the module. */
export class SetupJournal {
  private readonly path: string;
  private readonly namespace: NetworkNamespace | undefined;
  private done: DoneStep[];

  /**
   * Takes over what a process left that has ended. `path` is the journal's file, for one machine or namespace.
   * @throws SubflowError `ERR_SUBFLOW_BUSY` while another process has it.
   */
  constructor(path: string, namespace?: NetworkNamespace) {
    this.path = path;
    this.namespace = namespace;
    const left = readJournal(path);
    if (left !== undefined && isAlive(left)) {
      throw new SubflowError('ERR_SUBFLOW_BUSY', `process ${left.pid} looks after these settings already`, {
        hint: `End it first: kill ${left.pid}.`,
      });
    }
    this.done = [...(left?.done ?? [])];
    this.write();
  }

  /** How many changes were found that another process made and did not take back, or that this one made. */
  get size(): number {
    return this.done.length;
  }

  /** The value of a kernel parameter as it was before any change that is in the journal; undefined where there is none. */
  sysctlBefore(name: string): string | undefined {
    const known = this.done.find(({ step }) => step.kind === 'sysctl' && step.name === name);
    return known?.before ?? readSysctl(name, this.namespace);
  }

  /** Makes a change again whose commands are others now; not one that was never made. */
  repeat(step: IpStep): void {
    const at = this.done.findIndex((each) => keyOf(each.step) === keyOf(step));
    const before = this.done[at];
    if (before === undefined || before.step.kind !== 'ip') return;
    if (before.step.commands.join('\n') === step.commands.join('\n')) return;
    this.takeBack(before);
    this.done[at] = { step, before: '' };
    this.write();
    this.carryOut(step);
  }

  /**
   * Takes back what is in the journal and not among `steps`, and then does those that are not done: a change that somebody else made
   * already is left to them. Stops at the first that fails, and throws what `ip` said, or the error of the file of the sysctl.
   */
  apply(steps: readonly SetupStep[]): void {
    const wanted = new Set(steps.map(contentOf));
    this.undoWhere(({ step }) => !wanted.has(contentOf(step)));
    for (const step of steps) {
      if (this.done.some((each) => contentOf(each.step) === contentOf(step))) this.redo(step);
      else this.make(step);
    }
  }

  /** Takes everything back, the last change first. Gives the commands for what could not be taken back, and keeps that. */
  undo(): readonly string[] {
    this.undoWhere(() => true);
    if (this.done.length === 0) rmSync(this.path, { force: true });
    return this.done.map(({ step, before }) =>
      step.kind === 'sysctl' ? sysctlCommand(step.name, before) : `ip ${step.undo}`,
    );
  }

  /** Leaves everything as it is, for whoever takes the journal over. */
  release(): void {
    this.write('');
  }

  /** A change that was made before: again, if it is gone meanwhile. */
  private redo(step: SetupStep): void {
    if (!this.isThere(step)) this.carryOut(step);
  }

  private make(step: SetupStep): void {
    if (this.isThere(step)) return;
    const before = step.kind === 'sysctl' ? this.readSysctl(step.name) : '';
    if (before === undefined) return;
    this.done.push({ step, before });
    this.write();
    this.carryOut(step);
  }

  private carryOut(step: SetupStep): void {
    if (step.kind === 'sysctl') this.writeSysctl(step.name, step.value);
    else for (const command of step.commands) this.ip(command);
  }

  private undoWhere(isOver: (done: DoneStep) => boolean): void {
    for (const each of [...this.done].reverse()) {
      if (!isOver(each) || !this.takeBack(each)) continue;
      this.done = this.done.filter((other) => other !== each);
      this.write();
    }
  }

  /** Whether the change is gone, by this or by itself. */
  private takeBack({ step, before }: DoneStep): boolean {
    try {
      if (step.kind === 'ip') {
        if (this.isThere(step)) this.ip(step.undo);
      } else if (this.readSysctl(step.name) === step.value) this.writeSysctl(step.name, before);
      return true;
    } catch {
      return step.kind === 'ip' && !this.isThere(step);
    }
  }

  private isThere(step: SetupStep): boolean {
    if (step.kind === 'sysctl') {
      const value = this.readSysctl(step.name);
      return value === step.value || (value !== undefined && step.accepts.includes(value));
    }
    try {
      return this.ip(step.shows).includes(step.sign);
    } catch {
      // As for a table of routes that is not there.
      return false;
    }
  }

  /** Runs a command of `ip` and gives what it prints. */
  private ip(command: string): string {
    const [flags, rest] = command.startsWith('-6 ') ? [['-6'], command.slice(3)] : [[], command];
    return inside(this.namespace, () => runIp('the settings of this machine', [rest], flags));
  }

  private readSysctl(name: string): string | undefined {
    return readSysctl(name, this.namespace);
  }

  private writeSysctl(name: string, value: string): void {
    inside(this.namespace, () => writeFileSync(`/proc/sys/${name}`, value));
  }

  /** `startTicks` is empty when nobody looks after the changes any more. */
  private write(startTicks = startTicksOf(process.pid) ?? ''): void {
    const file: JournalFile = { pid: process.pid, startTicks, done: this.done };
    mkdirSync(dirname(this.path), { recursive: true });
    // Never half a file, whenever the program ends.
    writeFileSync(`${this.path}.new`, JSON.stringify(file), { mode: 0o600 });
    renameSync(`${this.path}.new`, this.path);
  }
}

/** The value of a kernel parameter, named with slashes; undefined where there is none. */
export function readSysctl(name: string, namespace?: NetworkNamespace): string | undefined {
  const read = (): string => readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  try {
    return inside(namespace, read);
  } catch {
    return undefined;
  }
}

function readJournal(path: string): JournalFile | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as JournalFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SubflowError('ERR_SUBFLOW_BAD_JOURNAL', `${path} cannot be read`, {
      cause: error,
      hint: 'It says which settings of this machine an agent changed. Look at it, take them back by hand, and delete it.',
    });
  }
}

function isAlive({ pid, startTicks }: JournalFile): boolean {
  return startTicks !== '' && startTicksOf(pid) === startTicks;
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); undefined when there is no such process. */
function startTicksOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
