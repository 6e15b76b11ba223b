/** `subflow balance run`: a balancer at work until a signal ends it. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { BalanceConfig } from '../../balancer/index.js';
import { SubflowError } from '../../base/index.js';
import { mayOpenRawSockets, mayUseXdp } from '../../linux/index.js';
import { type BalancerRuntime, loadBalancing, type Log } from '../../node/index.js';
import { EnvironmentError, ExitStatus, FailureError, UsageError } from '../errors.js';
import { untilSignal } from '../until-signal.js';

interface RunFlags {
  readonly config: string;
  readonly check?: true;
  readonly json?: true;
}

/** Declares `subflow balance run`. */
export function declareRun(command: Command, setStatus: (status: number) => void): void {
  command
    .description(
      'Steers the packets of services to their servers until SIGINT or SIGTERM; nothing of it is left then. Reads the file anew when it ' +
        'changes, and on SIGHUP; one with a mistake changes nothing. The log goes to the standard error.',
    )
    .requiredOption('--config <file>', 'what is to be, as JSON: docs/balancing.md')
    .option('--check', 'only say whether the file is right, and what is wrong with it')
    .option('--json', 'log in JSON on a terminal too; with --check, print one object')
    .action(async (flags: RunFlags) => {
      if (flags.check) setStatus(await check(flags));
      else await run(flags);
    });
}

/** Says whether the file is right. */
async function check({ config: file, json }: RunFlags): Promise<number> {
  const { readConfig } = await loadBalancing();
  let problem: string | undefined;
  try {
    await readConfig(file);
  } catch (error) {
    if (!(error instanceof SubflowError)) throw error;
    problem = error.message;
  }
  const problems = problem === undefined ? [] : problem.split('\n');
  const text = json
    ? JSON.stringify({ schema: 'subflow/balance-check/1', file, ok: problems.length === 0, problems })
    : (problem ?? `${file} is right`);
  process.stdout.write(`${text}\n`);
  return problems.length === 0 ? ExitStatus.done : ExitStatus.no;
}

async function run({ config: file, json }: RunFlags): Promise<void> {
  const config = await readOrExplain(file);
  checkRights(config);
  const { Log: LogToSink, streamLog } = await loadBalancing();
  const log = json
    ? new LogToSink({ sink: (line) => process.stderr.write(line), format: 'json' })
    : streamLog(process.stderr);
  const ended = await untilSignal((signal) => atWork(file, config, log, signal));
  if (ended !== undefined) throw new FailureError(`the data path ended: ${ended.message}`, { cause: ended });
}

/** Runs the balancer until a signal comes, or it cannot go on: then gives why. */
async function atWork(
  file: string,
  config: BalanceConfig,
  log: Log,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const { ConfigWatch, embeddedStore, healthCheck, natsStore, startBalancer, userPath, xdpPath } =
    await loadBalancing();
  let runtime: BalancerRuntime;
  try {
    runtime = await startBalancer(
      {
        ...{ config, configFile: file, log, makeCheck: healthCheck },
        openPath: config.path === 'xdp' ? xdpPath : userPath,
        openStore: async ({ store, name }) =>
          store.kind === 'folder' ? embeddedStore(store) : natsStore({ config: store, balancer: name, log }),
      },
      signal,
    );
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
  const watch = await ConfigWatch.start(file, (event) => runtime.takeConfig(event));
  const reload = (): void => void watch.reload();
  process.on('SIGHUP', reload);
  try {
    const aborted = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    return await Promise.race([runtime.failed, aborted]);
  } finally {
    process.off('SIGHUP', reload);
    watch.close();
    log.info('stopping', `${config.name} lets go of everything`, { host: hostname() });
    await runtime.close();
    log.info('stopped', 'nothing of it is left on this machine');
  }
}

async function readOrExplain(file: string): Promise<BalanceConfig> {
  const { readConfig } = await loadBalancing();
  try {
    return await readConfig(file);
  } catch (error) {
    if (error instanceof SubflowError && error.code === 'ERR_SUBFLOW_BAD_CONFIG')
      throw new UsageError(error.message, error.hint);
    throw error;
  }
}

function checkRights({ path }: BalanceConfig): void {
  const may = path === 'xdp' ? mayUseXdp() : mayOpenRawSockets();
  if (!may.available) throw new EnvironmentError(`packets cannot be steered: ${may.reason}`, may.hint);
}
