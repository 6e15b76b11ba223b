/** `subflow trace --json` prints what docs/trace.schema.json says: every field of it, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportObject, reportPieces } from '../../src/trace/report-json.js';
import { IpAddress } from '../../src/wire/index.js';
import { mptcp, ScriptedConnection, TraceScript } from '../support/trace-script.js';

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const file = join(import.meta.dirname, '..', '..', 'docs', 'trace.schema.json');
const root = JSON.parse(readFileSync(file, 'utf8')) as Schema;

/** What is wrong with `value`, by the part of JSON Schema that the file uses. */
function faults(value: unknown, schema: Schema, at = '$'): string[] {
  if (schema.$ref !== undefined) return faults(value, root.$defs![schema.$ref.replace('#/$defs/', '')]!, at);
  if (schema.anyOf !== undefined) {
    const tried = schema.anyOf.map((part) => faults(value, part, at));
    return tried.find((list) => list.length === 0) ?? tried.flat();
  }
  if ('const' in schema) return value === schema.const ? [] : [`${at} is not ${String(schema.const)}`];
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${at} is ${String(value)}`];
  const types = [schema.type ?? []].flat();
  if (!types.includes(typeOf(value))) return [`${at} is of type ${typeOf(value)}, not ${types.join(' or ')}`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => faults(item, schema.items!, `${at}[${index}]`));
  if (typeOf(value) !== 'object') return [];
  return objectFaults(value as Readonly<Record<string, unknown>>, schema, at);
}

function objectFaults(value: Readonly<Record<string, unknown>>, schema: Schema, at: string): string[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const missing = required.filter((name) => !(name in value)).map((name) => `${at}.${name} is missing`);
  const wrong = Object.entries(value).flatMap(([name, part]) => {
    const known = properties[name] ?? additionalProperties;
    return typeof known === 'object'
      ? faults(part, known, `${at}.${name}`)
      : [`${at}.${name} is not in the schema`];
  });
  return [...missing, ...wrong];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A report with something of everything. */
function fullReport(hasOptions: boolean): unknown {
  const span = hasOptions ? { intervalNs: 1e9, fromNs: 1 } : {};
  const script = new TraceScript({ includesPlain: true, measuresDelays: hasOptions, ...span });
  const connection = new ScriptedConnection(script).open();
  connection.join(true);
  connection.transfer('server', 0, 30);
  script.wait(2e9);
  connection.transfer('server', 1, 20, 1000, 50e6);
  connection.data('server', 0, 1000, 49_000);
  const address = IpAddress.parse('10.9.1.1')!;
  const [first] = connection.subflows;
  first!.send('server', {
    options: [mptcp({ subtype: 'ADD_ADDR', version: 1, echo: false, addressId: 3, address })],
  });
  first!.send('client', { options: [mptcp({ subtype: 'MP_PRIO', backup: true })] });
  const plain = new ScriptedConnection(script, { port: 50_000 });
  plain.three(plain.stream());
  // The first connection as another place saw it.
  new ScriptedConnection(script, { vantage: 1 }).open();
  const problem = { code: 'truncated', offset: 77, message: 'the record is cut' };
  const report = script.report([
    { name: 'a.pcap', format: 'pcap', packets: 9, problem },
    { name: 'b', format: null, packets: 0, problem: null },
  ]);
  expect(report.connections.some(({ handovers }) => handovers.length > 0)).toBe(true);
  expect(report.delays?.subflows.map(({ views }) => views[1]!.subflow)).toEqual(hasOptions ? [0] : undefined);
  const printed: unknown = JSON.parse([...reportPieces(report, hasOptions)].join(''));
  expect(printed).toEqual(JSON.parse(JSON.stringify(reportObject(report, hasOptions))));
  return printed;
}

describe('the JSON of a trace', () => {
  it.each([true, false])(
    'is what its schema says, with options report, intervals and a span of time: %s',
    (hasOptions) => {
      expect(faults(fullReport(hasOptions), root)).toEqual([]);
    },
  );

  it('would not be if a field were missing, new, or of another type', () => {
    const report = fullReport(true) as { packets: unknown; connections: Record<string, unknown>[] };
    report.packets = '7';
    report.connections[0]!['novel'] = 1;
    delete report.connections[0]!['version'];
    expect(faults(report, root)).toEqual([
      '$.packets is of type string, not number',
      '$.connections[0].version is missing',
      '$.connections[0].novel is not in the schema',
    ]);
  });
});
