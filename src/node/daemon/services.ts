/**
 * The commands of ours that run on this machine: each announces itself by a file in a folder for such things, and tells its state at a socket
 * beside it. Owns both ends. What is found there is another program's word: it counts only where the file belongs to who runs the process
 * that it names, and the process began when the file says; a file that outlived its process is left alone, and swept by who may.
 *
 * Read first: file-hierarchy(7) (/run, $XDG_RUNTIME_DIR), systemd.exec(5) (RuntimeDirectory=), proc_pid_stat(5).
 */
import { chownSync, constants, readFileSync } from 'node:fs';
import { lstat, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type MachineService, MAX_SERVICES } from '../../lab/index.js';
import { codeOf } from '../net-error.js';
import { makeFolder } from './make-folder.js';
import { askStatusAt, serveStatusAt, type StatusSocket, type StatusWords } from './status-socket.js';

/** Name of the form of what a command tells of itself. */
export const serviceSchema = 'subflow/service/1';

/** Most bytes of an announcement. */
const MAX_ANNOUNCEMENT_BYTES = 4096;
/** Most files of a folder that are looked at. */
const MAX_FILES = 256;
/** Most lines of metrics that a command tells, and most characters of each. */
const MAX_LINES = 300;
const MAX_LINE_LENGTH = 400;

const words: StatusWords = {
  noun: 'command',
  placeHint: 'Set $RUNTIME_DIRECTORY to a folder of its own.',
  askHint: 'Is it running?',
  noAnswerCode: 'ERR_SUBFLOW_NO_SERVICE',
};

/** What a command tells when it is asked. */
export interface ServiceStatus {
  readonly isHealthy: boolean;
  readonly said: string;
  /** What it has to do now, by name. */
  readonly load: Readonly<Record<string, unknown>>;
  /** Its metrics, in Prometheus' text format; empty for none. */
  readonly metrics: string;
}

/** An announcement at work. */
export interface Announcement {
  /** Leaves it to the user that the process becomes; before it does. */
  giveTo(user: { readonly uid: number; readonly gid: number }): void;
  close(): Promise<void>;
}

const announcementSchema = z.strictObject({
  schema: z.literal(serviceSchema),
  command: z.string().min(1).max(40),
  pid: z.int().min(1),
  /** Field 22 of /proc/PID/stat: ticks after the machine began. */
  startTicks: z.int().min(0),
  startedAtMs: z.number().min(0),
});

const statusSchema = z.object({
  schema: z.literal(serviceSchema),
  isHealthy: z.boolean(),
  said: z.string().transform((text) => text.slice(0, MAX_LINE_LENGTH)),
  load: z.array(z.tuple([z.string(), z.string()])).max(64),
  metrics: z.array(z.string()).max(MAX_LINES),
});

/** Where this process announces itself: what a service manager made for it, that of root, or that of the user; undefined for none. */
export function ownServiceFolder(): string | undefined {
  const { RUNTIME_DIRECTORY: given, XDG_RUNTIME_DIR: ofUser } = process.env;
  // systemd lists several with colons.
  const first = given?.split(':', 1)[0];
  if (first !== undefined && first.startsWith('/')) return first;
  if (process.geteuid?.() === 0) return '/run/subflow';
  return ofUser?.startsWith('/') === true ? join(ofUser, 'subflow') : undefined;
}

/**
 * Announces this process as `command`, until closed; undefined where there is no place for it, which is no reason not to run.
 */
export async function announceService(
  command: string,
  status: () => ServiceStatus | Promise<ServiceStatus>,
  folder = ownServiceFolder(),
): Promise<Announcement | undefined> {
  const startTicks = process.platform === 'linux' ? startTicksOf(process.pid) : undefined;
  if (folder === undefined || startTicks === undefined) return undefined;
  const place = join(folder, `service-${process.pid}-${command.replace(/\W+/g, '-')}`);
  const file = `${place}.json`;
  const startedAtMs = Math.round(Date.now() - process.uptime() * 1000);
  let socket: StatusSocket | undefined;
  try {
    await makeFolder(folder, 0o755);
    await sweep(folder);
    socket = await serveStatusAt(`${place}.sock`, async () => tell(await status()), words);
    const told = { schema: serviceSchema, command, pid: process.pid, startTicks, startedAtMs };
    await rm(file, { force: true });
    await writeFile(file, `${JSON.stringify(told)}\n`, { mode: 0o600, flag: 'wx' });
  } catch {
    await socket?.close();
    return undefined;
  }
  return {
    giveTo({ uid, gid }) {
      try {
        for (const path of [file, `${place}.sock`]) chownSync(path, uid, gid);
      } catch {
        // Where that may not be done, the process may not become another user either, and says so.
      }
    },
    async close() {
      await socket.close();
      // Who became another user may not remove it, but may say that it is over.
      await rm(file, { force: true }).catch(() => truncate(file).catch(() => undefined));
    },
  };
}

function tell({ isHealthy, said, load, metrics }: ServiceStatus): unknown {
  const lines = metrics.split('\n').filter((line) => line !== '' && !/^(#|process_|nodejs_)/.test(line));
  return {
    ...{ schema: serviceSchema, isHealthy, said },
    load: Object.entries(load)
      .slice(0, 64)
      .map(([name, value]) => [name, textOf(value)]),
    metrics: lines.slice(0, MAX_LINES),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

/** Removes what processes left that are gone; what may not be removed stays, and counts for nothing. */
async function sweep(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!isGone(Number(/^service-(\d+)-/.exec(name)?.[1]))) continue;
    for (const end of ['json', 'sock'])
      await rm(join(folder, name.replace(/json$/, end)), { force: true }).catch(() => undefined);
  }
}

/** Whether there is no such process. (A service manager can hide those of others in /proc.) */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** Announcements in a folder, by name. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => /^service-\d+-[\w-]+\.json$/.test(name)).slice(0, MAX_FILES);
}

/** All folders that this process may find announcements in: root's, those of services, its user's; root looks into those of all users. */
async function serviceFolders(): Promise<readonly string[]> {
  const children = async (folder: string): Promise<string[]> =>
    (await readdir(folder).catch((): string[] => [])).map((name) => join(folder, name));
  const ofServices = (await children('/run')).filter((path) => /^\/run\/subflow(-[\w-]+)?$/.test(path));
  const users = process.geteuid?.() === 0 ? await children('/run/user') : [];
  const own = ownServiceFolder();
  const folders = [...ofServices, ...users.map((user) => join(user, 'subflow')), ...(own ? [own] : [])];
  return [...new Set(folders)];
}

/** The commands that run, as they tell of themselves, oldest first. Never rejects: what cannot be read is not there. */
export async function findServices(folders?: readonly string[]): Promise<readonly MachineService[]> {
  const places: string[] = [];
  for (const folder of folders ?? (await serviceFolders()))
    for (const name of await namesIn(folder)) places.push(join(folder, name));
  const found = await Promise.all(places.slice(0, MAX_SERVICES).map(readService));
  return found.flatMap((each) => each ?? []).sort((a, b) => a.startedAtMs - b.startedAtMs || a.pid - b.pid);
}

async function readService(file: string): Promise<MachineService | undefined> {
  const announced = await readAnnouncement(file).catch(() => undefined);
  if (announced === undefined) return undefined;
  const { command, pid, uid, startedAtMs } = announced;
  const known = { command, pid, uid, startedAtMs };
  try {
    const socket = file.replace(/json$/, 'sock');
    const { uid: owner } = await lstat(socket);
    if (owner !== uid) return undefined;
    const { isHealthy, said, load, metrics } = statusSchema.parse(
      JSON.parse(await askStatusAt(socket, words)),
    );
    const short = (text: string): string => text.slice(0, MAX_LINE_LENGTH);
    return {
      ...{ ...known, isHealthy, said },
      load: load.map(([name, value]) => [short(name), short(value)] as const),
      metrics: metrics.map(short),
    };
  } catch {
    return { ...known, isHealthy: null, said: 'it does not answer', load: [], metrics: [] };
  }
}

/** Reads an announcement that holds; undefined for any other. Follows no link and waits for no writer: the folder may be anybody's. */
async function readAnnouncement(
  file: string,
): Promise<(z.output<typeof announcementSchema> & { readonly uid: number }) | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { uid, size, mode } = await handle.stat();
    const isPlainFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isPlainFile || size === 0 || size > MAX_ANNOUNCEMENT_BYTES) return undefined;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_ANNOUNCEMENT_BYTES), 0);
    const read = announcementSchema.safeParse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
    if (!read.success) return undefined;
    const { pid, startTicks } = read.data;
    const isThere = startTicksOf(pid) === startTicks && userOf(pid) === uid;
    return isThere ? { ...read.data, uid } : undefined;
  } finally {
    await handle.close();
  }
}

/** When a process began, in ticks after the machine did; undefined for one that is not there. */
function startTicksOf(pid: number): number | undefined {
  // The name of the program comes before, and may hold anything.
  const fields = ofProcess(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  const ticks = Number(fields[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

/** Who runs a process. (The owner of its folder is root for one that became another user.) */
function userOf(pid: number): number | undefined {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(ofProcess(pid, 'status'))?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** A file of /proc about a process; empty where there is none. */
function ofProcess(pid: number, name: string): string {
  try {
    return Number.isSafeInteger(pid) ? readFileSync(`/proc/${pid}/${name}`, 'latin1') : '';
  } catch {
    return '';
  }
}
