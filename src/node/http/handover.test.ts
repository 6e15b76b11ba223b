/** Agents and dispatchers with a service type, in a program on a host with two uplinks the first of which dies in the middle of an answer. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { selfSigned } from '../../../test/support/self-signed.js';
import { twoLinks, type TwoLinks } from '../../../test/support/two-links.js';
import { describeWith } from '../../../test/support/with-rights.js';
import { kernelMptcp, listenKernel, localAddressOf, mayCreateNamespaces } from '../../linux/index.js';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
});

const answer = randomBytes(1_500_000);
/** What is written every 10 ms: less than either link carries. */
const PIECE_BYTES = 18_000;
const built = pathToFileURL(join(import.meta.dirname, '../../../dist/node/index.js')).href;

/** Writes the answer little by little. */
function tell(_request: http.IncomingMessage, response: http.ServerResponse): void {
  let at = 0;
  const timer = setInterval(() => {
    if (response.writableLength > 1 << 19) return;
    response.write(answer.subarray(at, at + PIECE_BYTES));
    at += PIECE_BYTES;
    if (at < answer.length) return;
    clearInterval(timer);
    response.end();
  }, 10);
  open.push({ close: () => clearInterval(timer) });
}

async function served(links: TwoLinks, isSecure: boolean): Promise<number> {
  const fd = listenKernel({ address: '0.0.0.0', port: 0, namespace: links.server });
  const { port } = localAddressOf(fd);
  const server = isSecure ? https.createServer(selfSigned(), tell) : http.createServer(tell);
  server.on('connection', (socket) => open.push({ close: () => socket.destroy() }));
  server.listen({ fd });
  await once(server, 'listening');
  open.push(server);
  return port;
}

/** How each asks `url`, and gives the chunks of the answer. */
const ways = {
  Agent: `const agent = new subflow.Agent({ keepAlive: true, serviceType: 'handover' });
    const [chunks] = await once(http.get(url, { agent }), 'response');`,
  HttpsAgent: `const agent = new subflow.HttpsAgent({ serviceType: 'handover', rejectUnauthorized: false });
    const [chunks] = await once(https.get(url, { agent }), 'response');`,
  fetchDispatcher: `const dispatcher = subflow.fetchDispatcher({ serviceType: 'handover' });
    const { body: chunks } = await fetch(url, { dispatcher });`,
} as const;

/** A program that tells how many bytes it has, each time that there are more, and in the end what all of them are. */
const program = (way: keyof typeof ways, url: string): string => `
  import { createHash } from 'node:crypto';
  import { once } from 'node:events';
  import http from 'node:http';
  import https from 'node:https';
  import * as subflow from ${JSON.stringify(built)};
  const url = ${JSON.stringify(url)};
  ${ways[way]}
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    console.log(String(bytes));
  }
  console.log(hash.digest('hex'));
  process.exit();`;

describeWith('a service type of an agent', [kernelMptcp(), mayCreateNamespaces()], () => {
  it.each(Object.keys(ways) as (keyof typeof ways)[])(
    'handover: %s has the whole answer though the link that it began on dies',
    async (way) => {
      const links = twoLinks(open, [
        { name: 'wlan0', rateMbit: 20 },
        { name: 'wwan0', rateMbit: 20 },
      ]);
      const isSecure = way === 'HttpsAgent';
      const port = await served(links, isSecure);
      const url = `${isSecure ? 'https' : 'http'}://${links.serverAddress}:${port}/`;
      const args = ['--input-type=module', '-e', program(way, url)];
      const child = links.client.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let bytesBefore = 0;
      let last = '';
      for await (const line of createInterface({ input: child.stdout! })) {
        last = line;
        if (bytesBefore > 0 || Number(line) < 300_000) continue;
        bytesBefore = Number(line);
        expect(links.bytesOver(1)).toBe(0);
        links.setCarrier(0, false);
      }
      expect(bytesBefore).toBeLessThan(answer.length / 2);
      expect(last).toBe(createHash('sha256').update(answer).digest('hex'));
      expect(links.bytesOver(1)).toBeGreaterThan(answer.length / 3);
    },
  );
});
