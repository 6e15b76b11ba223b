import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { FlowKey, FlowTable, packPorts, type FlowNode } from './flow-table.js';

class Node implements FlowNode {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly ports: number;
  flowHash = 0;
  flowNext: FlowNode | undefined = undefined;

  constructor(local: string, remote: string, ports: number) {
    this.local = IpAddress.parse(local)!;
    this.remote = IpAddress.parse(remote)!;
    this.ports = ports;
  }
}

describe('FlowTable', () => {
  it('finds by four-tuple only, in both families', () => {
    const table = new FlowTable<Node>(new SeededRandom(1));
    const nodes = [
      new Node('10.0.0.1', '10.0.0.2', packPorts(80, 1000)),
      new Node('10.0.0.1', '10.0.0.2', packPorts(1000, 80)),
      new Node('10.0.0.2', '10.0.0.1', packPorts(80, 1000)),
      new Node('::a00:1', '::a00:2', packPorts(80, 1000)),
      new Node('fe80::1', 'fe80::2', packPorts(65535, 65535)),
      new Node('255.0.0.1', '254.0.0.1', packPorts(65535, 1)),
    ];
    for (const node of nodes) table.insert(node);
    for (const node of nodes) expect(table.findTuple(node.local, node.remote, node.ports)).toBe(node);
    expect(table.findTuple(nodes[4]!.local, nodes[3]!.remote, packPorts(80, 1000))).toBeUndefined();
  });

  it('reads a key from a packet as it stands there', () => {
    const node = new Node('2001:db8::ffff:1', 'fe80::8000:2', packPorts(443, 50000));
    const bytes = new Uint8Array(40);
    node.remote.writeTo(bytes, 8);
    node.local.writeTo(bytes, 24);
    const table = new FlowTable<Node>(new SeededRandom(1));
    table.insert(node);
    expect(table.find(new FlowKey().read(bytes, 6, 8, 24, packPorts(443, 50000)))).toBe(node);
  });

  it('finds neither a node that was removed nor one with the same ports in place of another', () => {
    const table = new FlowTable<Node>(new SeededRandom(1));
    const ports = packPorts(80, 1000);
    const first = new Node('10.0.0.1', '10.0.0.2', ports);
    const second = new Node('10.0.0.1', '10.0.0.3', ports);
    table.insert(first);
    table.insert(second);
    for (let i = 0; i < 2; i++) {
      expect(table.findTuple(first.local, first.remote, ports)).toBe(first);
      expect(table.findTuple(second.local, second.remote, ports)).toBe(second);
    }
    expect(table.remove(second)).toBe(true);
    expect(table.findTuple(second.local, second.remote, ports)).toBeUndefined();
    expect(table.findTuple(first.local, first.remote, ports)).toBe(first);
    expect(table.remove(first)).toBe(true);
    expect(table.findTuple(first.local, first.remote, ports)).toBeUndefined();
    const again = new Node('10.0.0.1', '10.0.0.2', ports);
    table.insert(again);
    expect(table.findTuple(first.local, first.remote, ports)).toBe(again);
  });

  it('refuses the same four-tuple twice', () => {
    const table = new FlowTable<Node>(new SeededRandom(1));
    table.insert(new Node('10.0.0.1', '10.0.0.2', 7));
    expect(() => table.insert(new Node('10.0.0.1', '10.0.0.2', 7))).toThrow('a flow is in the table already');
  });

  it('holds what a map by text would hold, whatever the order of insertions and removals', () => {
    const step = fc.record({ port: fc.integer({ min: 0, max: 200 }), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer(), (steps, seed) => {
        const table = new FlowTable<Node>(new SeededRandom(seed));
        const model = new Map<number, Node>();
        for (const { port, remove } of steps) {
          const known = model.get(port);
          if (known === undefined && !remove) {
            const node = new Node('10.0.0.1', '10.0.0.2', port);
            model.set(port, node);
            table.insert(node);
          } else if (known !== undefined && remove) {
            model.delete(port);
            expect(table.remove(known)).toBe(true);
            expect(table.remove(known)).toBe(false);
          }
        }
        expect(table.size).toBe(model.size);
        const local = IpAddress.parse('10.0.0.1')!;
        const remote = IpAddress.parse('10.0.0.2')!;
        for (let port = 0; port <= 200; port++) {
          expect(table.findTuple(local, remote, port)).toBe(model.get(port));
        }
      }),
      { numRuns: 50 },
    );
  });
});
