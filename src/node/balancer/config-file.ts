/**
 * The configuration of a balancer as a file of JSON: every mistake is told at once, each with its line and its path, and no field that
 * nobody knows is let by. docs/balancing.md has an example.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import {
  type BalanceConfig,
  defaultStatusSocket,
  defaultSteeringSettings,
  designNames,
  healthCheckKinds,
  isAddressOfHost,
  maxBalancerNameLength,
  maxServerId,
  maxServers,
  maxServerWeight,
  maxServices,
  ServerSet,
  Services,
  checkSteeringSettings,
  defaultJoinPortBase,
  type ServerSpec,
  type SteeringSettings,
} from '../../balancer/index.js';
import { MILLISECOND, SubflowError } from '../../base/index.js';
import { IpAddress, parseEndpoint } from '../../wire/index.js';
import { type FieldProblem, type ParsedConfig, parseConfigText } from '../daemon/config-text.js';
import { readConfigFile } from '../daemon/config-file.js';
import { parseListen } from '../daemon/metrics-server.js';
import { maxPathInterfaces } from './data-path.js';
import { isXdpDesign } from './xdp-path.js';

const dayMs = 24 * 3600 * 1000;

const whole = (least: number, most: number) => z.int().min(least).max(most);
const milliseconds = whole(1, 30 * dayMs);
const address = z.string().transform((text, context) => {
  const value = IpAddress.parse(text);
  if (value === undefined) context.addIssue(`"${text.slice(0, 64)}" is no IP address`);
  return value ?? z.NEVER;
});
const endpoint = z.string().transform((text, context) => {
  const value = parseEndpoint(text);
  if (value === undefined)
    context.addIssue(
      `"${text.slice(0, 64)}" is no address and port such as 192.0.2.1:443 or [2001:db8::1]:443`,
    );
  return value ?? z.NEVER;
});

const serverSchema = z.strictObject({
  id: whole(1, maxServerId),
  address,
  weight: whole(1, maxServerWeight).optional(),
  state: z.enum(['up', 'draining', 'gone']).optional(),
});

const healthSchema = z
  .strictObject({
    kind: z.enum(healthCheckKinds),
    port: whole(1, 65_535),
    intervalMs: whole(50, 3_600_000).default(1000),
    timeoutMs: whole(10, 3_600_000).default(500),
    rise: whole(1, 100).default(2),
    fall: whole(1, 100).default(3),
    path: z
      .string()
      .regex(/^\/[!-~]*$/, 'begins with / and has printable characters of ASCII, without spaces')
      .max(1024)
      .optional(),
    host: z
      .string()
      .regex(/^[!-~]+$/, 'has printable characters of ASCII, without spaces')
      .max(256)
      .optional(),
    statuses: z.array(whole(100, 599)).min(1).max(100).optional(),
  })
  .refine(({ timeoutMs, intervalMs }) => timeoutMs <= intervalMs, {
    path: ['timeoutMs'],
    error: 'is longer than intervalMs',
  });

const settingsSchema = z.strictObject({
  maxFlows: whole(1, 2 ** 25).optional(),
  maxNewFlows: whole(1, 2 ** 25).optional(),
  maxTokens: whole(1, 2 ** 24).optional(),
  maxTokenClaims: whole(1, 16).optional(),
  maglevPlaces: whole(1, 2 ** 22).optional(),
  buckets: whole(1, 2 ** 20).optional(),
  serverBits: whole(1, 8).optional(),
  newFlowMs: milliseconds.optional(),
  idleMs: milliseconds.optional(),
  closingMs: milliseconds.optional(),
  tokenIdleMs: milliseconds.optional(),
  chainMs: milliseconds.optional(),
});

/** NUL ends names for the kernel: what follows would be left out without a word. */
const pathOf = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\0]*$/, 'holds a character that no path has');
const file = pathOf(4096);
/** As the kernel has it (dev_valid_name of net/core/dev.c). */
const interfaceName = z
  .string()
  .regex(/^(?!\.{1,2}$)[^\s/:\0]{1,15}$/, 'is no name of an interface')
  .refine((name) => Buffer.byteLength(name) <= 15, 'is too long for an interface');
const storeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('folder'), folder: file }),
  z.strictObject({
    kind: z.literal('nats'),
    servers: z
      .array(
        z.string().regex(/^(nats|tls):\/\/[^\s/@]+:\d{1,5}$/, 'is no nats://HOST:PORT or tls://HOST:PORT'),
      )
      .min(1)
      .max(16),
    bucket: z.string().regex(/^[A-Za-z0-9_-]{1,48}$/, 'has letters, digits, - and _, 48 at most'),
    credentialsFile: file.optional(),
    tls: z
      .strictObject({ caFile: file.optional(), certFile: file.optional(), keyFile: file.optional() })
      .optional(),
    replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).optional(),
  }),
]);

const configSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/, 'has letters, digits, dots, - and _')
    .max(maxBalancerNameLength)
    .optional(),
  design: z.enum(designNames as readonly [string, ...string[]]),
  path: z.enum(['xdp', 'user']).default('xdp'),
  mode: z.enum(['auto', 'native', 'generic']).optional(),
  workers: whole(1, 64).optional(),
  interfaces: z.array(interfaceName).min(1).max(maxPathInterfaces),
  services: z.array(endpoint).min(1).max(maxServices),
  joinPortBase: whole(0, 65_535).optional(),
  source: address.optional(),
  servers: z.array(serverSchema).max(maxServers),
  health: healthSchema.optional(),
  settings: settingsSchema.default({}),
  store: storeSchema,
  metrics: z.strictObject({ listen: z.string().min(1).max(64) }).optional(),
  status: z.strictObject({ socket: pathOf(100) }).default({ socket: defaultStatusSocket }),
});

/** What a file holds, or all that is wrong with it. */
export type ConfigResult = ParsedConfig<BalanceConfig>;

/** Reads the text of a file. Never throws. */
export function parseConfig(text: string): ConfigResult {
  return parseConfigText(text, configSchema, (parsed) => {
    const config = configOf(parsed);
    return { value: config, problems: consistencyProblems(config) };
  });
}

/**
 * Reads a configuration.
 * @throws SubflowError `ERR_SUBFLOW_BAD_CONFIG` with all that is wrong with it, or with why it cannot be read.
 */
export function readConfig(path: string): Promise<BalanceConfig> {
  return readConfigFile(path, parseConfig, 'docs/balancing.md has every field.');
}

type Parsed = z.output<typeof configSchema>;

function configOf(parsed: Parsed): BalanceConfig {
  const { name = hostname(), settings, servers, ...rest } = parsed;
  return {
    ...(withoutUndefined(rest) as Omit<BalanceConfig, 'name' | 'settings' | 'servers'>),
    ...{ name, settings: settingsOf(settings), servers: servers.map(withoutUndefined) as ServerSpec[] },
  };
}

/** Settings in the units of the engine. */
function settingsOf(settings: Parsed['settings']): Partial<SteeringSettings> {
  const entries = Object.entries(withoutUndefined(settings) as Record<string, number>).map(([name, value]) =>
    name.endsWith('Ms') ? [`${name.slice(0, -2)}Ns`, value * MILLISECOND] : [name, value],
  );
  return Object.fromEntries(entries) as Partial<SteeringSettings>;
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}

/** What the parts say of what goes together. */
function consistencyProblems(config: BalanceConfig): FieldProblem[] {
  const { services, joinPortBase = defaultJoinPortBase, settings, servers, source } = config;
  const { design, path, metrics, interfaces } = config;
  const problems: FieldProblem[] = [];
  const attempt = (path: PropertyKey[], action: () => unknown): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SubflowError)) throw error;
      problems.push({ path, message: error.message });
    }
  };
  attempt(['services'], () => new Services(services, joinPortBase));
  attempt(['settings'], () => checkSteeringSettings({ ...defaultSteeringSettings, ...settings }));
  attempt(['servers'], () => new ServerSet(servers));
  const twice = interfaces.find((name, i) => interfaces.indexOf(name) !== i);
  if (twice !== undefined) problems.push({ path: ['interfaces'], message: `${twice} is there twice` });
  if (source !== undefined && !isAddressOfHost(source))
    problems.push({ path: ['source'], message: 'is no address of a host' });
  if (metrics !== undefined) attempt(['metrics', 'listen'], () => parseListen(metrics.listen));
  if (path === 'xdp' && !isXdpDesign(design))
    problems.push({ path: ['path'], message: `the kernel cannot carry out ${design}: "user" can` });
  const stranger = servers.findIndex(
    ({ address }) => source !== undefined && source.family !== address.family,
  );
  if (stranger >= 0)
    problems.push({ path: ['servers', stranger, 'address'], message: 'is of another family than source' });
  return problems;
}
