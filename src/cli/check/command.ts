/** `subflow check [HOST[:PORT]]`: does this machine speak Multipath TCP, and does a connection really use it. */

import type { Command } from 'commander';
import { ExitStatus } from '../errors.js';
import { parseTarget, resolveTarget } from '../target.js';
import { checkMachine, type MachineReport } from './machine.js';
import { checkServer, type ServerReport } from './server.js';

interface CheckFlags {
  readonly json?: true;
}

/** Declares `subflow check`. */
export function declareCheck(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Says whether this machine speaks Multipath TCP, what its limits and endpoints allow, which programs use it now and, ' +
        'with a server, whether a connection to it really is Multipath TCP; and what to do about each no.',
    )
    .argument('[server]', 'HOST or HOST:PORT to connect to; port 80 when left out')
    .option('--json', 'print one object for scripts')
    .action(async (server: string | undefined, flags: CheckFlags) => {
      setStatus(await run(server, flags));
    });
}

async function run(server: string | undefined, flags: CheckFlags): Promise<number> {
  const target = server === undefined ? undefined : parseTarget(server);
  const machine = checkMachine();
  const isAble = machine.answers.every(({ isGood, isNeeded }) => isGood || !isNeeded);
  const report =
    target === undefined || !isAble ? undefined : await checkServer(await resolveTarget(target, 0));
  const text = flags.json ? JSON.stringify(objectOf(machine, report)) : textOf(machine, report);
  process.stdout.write(`${text}\n`);
  if (!isAble) return ExitStatus.no;
  if (report?.isConnected === false) return ExitStatus.environment;
  return report?.isMultipath === false ? ExitStatus.no : ExitStatus.done;
}

function objectOf(machine: MachineReport, server: ServerReport | undefined): object {
  return {
    schema: 'subflow/check/1',
    answers: machine.answers.map(({ name, isGood, isNeeded, sentence, advice }) => ({
      ...{ name, good: isGood, needed: isNeeded, sentence, advice },
    })),
    limits: machine.limits ?? null,
    endpoints: machine.endpoints,
    applications: machine.applications,
    ...(server !== undefined && { server }),
  };
}

function textOf(machine: MachineReport, server: ServerReport | undefined): string {
  const lines = machine.answers.flatMap(({ advice, isGood, isNeeded, sentence }) => [
    `${isGood ? 'yes ' : isNeeded ? 'no  ' : 'note'}  ${sentence}`,
    ...(advice === '' ? [] : [`      ${advice}`]),
  ]);
  for (const { isListener, local, owners, remote } of machine.applications) {
    const names = owners.map(({ name, pid }) => `${name} (${pid})`).join(', ');
    const ends = isListener ? `${local}, for connections` : `${local} to ${remote}`;
    lines.push(`      ${ends}: ${names === '' ? 'a program that /proc does not show' : names}`);
  }
  if (server !== undefined) {
    lines.push(`${server.isMultipath ? 'yes ' : 'no  '}  ${server.sentence}`);
    if (server.advice !== '') lines.push(`      ${server.advice}`);
  }
  return lines.join('\n');
}
