/** The runs of `schedulers`: one kind of traffic with one scheduler over one pair of paths. */

import { MICROSECOND, MINUTE, SECOND, SeededRandom } from '../../base/index.js';
import { defaultMptcpSettings, schedulerNamed } from '../../mptcp/index.js';
import { pathAddress, randomLoss, Simulator, twoHosts } from '../../network/index.js';
import { Stack } from '../../stack/index.js';
import { congestionNamed } from '../../tcp/index.js';
import type { DrawnLink } from './links.js';
import { FetchClient, FetchServer } from './fetch-client.js';
import { answersPlan, filePlan, type MeasuredPlan, pagePlan, videoPlan } from './plans.js';

/** Port of the server. */
const PORT = 80;
/** Longest extra delay of a packet, drawn evenly. */
const JITTER_NS = 500 * MICROSECOND;
/** Between two looks at whether everything has come, and the last of them, in ns. */
const LOOK_NS = SECOND;
const PATIENCE_NS = 30 * MINUTE;

/** In the order of the table. */
export const traffics = ['short', 'bulk', 'web', 'video'] as const;
export type Traffic = (typeof traffics)[number];

/** What is fetched, and how. */
export interface TrafficParameters {
  readonly shortBytes: number;
  readonly bulkBytes: number;
  /** Rate of the video as a part of what both paths carry together. */
  readonly videoShare: number;
  readonly windowBytes: number;
  readonly congestion: string;
  /** `on`: what blocks the window is sent again, and its subflow slowed down. */
  readonly unblock: string;
}

/** One run. */
export interface SchedulerTrial {
  readonly parameters: TrafficParameters;
  readonly traffic: Traffic;
  readonly scheduler: string;
  /** The first is the one that connections begin on. */
  readonly links: readonly DrawnLink[];
  readonly seed: number;
}

export interface SchedulerOutcome {
  /** How long each piece took, in ns. */
  readonly timesNs: readonly number[];
  /** Part of the bytes that the second path carried, of both. */
  readonly secondShare: number;
  /** Whether everything came before patience was lost; otherwise the last time is when it was. */
  readonly isComplete: boolean;
}

/** Answers that are measured of one connection. */
const SHORT_ANSWERS = 5;
/** Pieces of a video, and how long each is. */
const VIDEO_PIECES = 8;
const PIECE_SECONDS = 2;

function planOf({ traffic, parameters, links, seed }: SchedulerTrial): MeasuredPlan {
  const { shortBytes, bulkBytes, videoShare } = parameters;
  if (traffic === 'short') return answersPlan(SHORT_ANSWERS, shortBytes);
  if (traffic === 'bulk') return filePlan(bulkBytes);
  if (traffic === 'web') return pagePlan(new SeededRandom(seed));
  const sumBps = links.reduce((sum, { rateBps }) => sum + rateBps, 0);
  return videoPlan(VIDEO_PIECES, PIECE_SECONDS, videoShare * sumBps);
}

/** Lets one kind of traffic run to its end. */
export function measureTraffic(trial: SchedulerTrial): SchedulerOutcome {
  const { parameters, scheduler, links, seed } = trial;
  const simulator = new Simulator(seed);
  const isUnblocking = parameters.unblock === 'on';
  const mptcp = {
    ...defaultMptcpSettings,
    scheduler: schedulerNamed(scheduler),
    receiveBufferBytes: parameters.windowBytes,
    ...{ opportunisticRetransmission: isUnblocking, penalisation: isUnblocking },
  };
  const settings = { mptcp, congestion: congestionNamed(parameters.congestion) };
  const {
    client,
    server,
    links: made,
  } = twoHosts(simulator, {
    client: new Stack({ random: simulator.random.fork(), settings }),
    server: new Stack({ random: simulator.random.fork(), settings }),
    paths: links.map(({ rateBps, delayNs, queueNs, loss }) => ({
      both: { rateBps, delayNs, jitterNs: JITTER_NS, queue: { ns: queueNs }, loss: randomLoss(loss) },
    })),
  });
  const plan = planOf(trial);
  const remote = { address: pathAddress(0, 'server', 4), port: PORT };
  server.stack.listen(0, { local: { port: PORT } });
  server.run(0, new FetchServer());
  client.run(0, new FetchClient(plan, (now) => client.stack.connect(now, { remote })));
  for (let at = LOOK_NS; at <= PATIENCE_NS && !plan.isDone; at += LOOK_NS) simulator.runUntil(at);
  const carried = made.map(({ backward }) => backward.counters.deliveredBytes);
  return {
    timesNs: plan.isDone ? plan.timesNs : [...plan.timesNs, PATIENCE_NS],
    secondShare: carried[1]! / (carried[0]! + carried[1]!),
    isComplete: plan.isDone,
  };
}
