import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScript } from './parser.js';
import { runScript } from './run.js';
import { conformanceFolder, include } from './scripts.js';
import { Settings } from './target.js';
import { OurTarget } from './target-ours.js';

const parse = (text: string): ReturnType<typeof parseScript> => parseScript('x.script', text, include);

/** The message for a bad script. */
function complaint(text: string): string {
  try {
    parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'it was read';
}

async function outcome(text: string): Promise<string> {
  const script = parse(text);
  try {
    await runScript(script, new OurTarget(new Settings(script.settings)));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'it conforms';
}

describe('reading a conformance script', () => {
  it('takes headers, settings, times and packets', () => {
    const script = parse(
      '# RFC 8684 §3.1: words\nset checksum on\n+1.5s..2s >2 SYN ACK 5:10 ack 7 [mss 1460, no dss]\n',
    );
    expect(script.requirements).toEqual([{ section: 'RFC 8684 §3.1', text: 'words' }]);
    expect(script.settings.get('checksum')?.value).toBe('on');
    const [statement] = script.statements;
    expect(statement?.delay).toEqual({ fromNs: 1.5e9, toNs: 2e9 });
    expect(statement?.body).toMatchObject({
      type: 'out',
      packet: { flow: 2, flags: ['SYN', 'ACK'], seq: 5, length: 5, ack: 7 },
    });
  });

  const bad: readonly [string, string][] = [
    ['', 'x.script:1:1: the script does nothing'],
    ['set colour blue', 'x.script:1:5: "colour" is no setting'],
    ['set checksum maybe', 'x.script:1:14: "checksum" cannot be "maybe"'],
    ['set checksum', 'x.script:1:13: the value of the setting is missing'],
    ['listen\nuse nothing', 'x.script:2:5: there is nothing called "nothing" to use'],
    ['use ../secret', 'x.script:1:5: there is nothing called "../secret" to use'],
    ['+5parsecs listen', 'x.script:1:1: "+5parsecs" is no time'],
    ['+2s..1s quiet', 'x.script:1:1: "+2s..1s" is no time'],
    ['+1s', 'x.script:1:4: what happens is missing'],
    ['sing', 'x.script:1:1: "sing" is neither a packet nor a call'],
    ['write much', 'x.script:1:7: "write" does not go with "much"'],
    ['< SYN 0 [mss 1460', 'x.script:1:18: a comma or ] is missing'],
    ['< SYN 0 [mss 1460,', 'the bracket is not closed'],
    ['< SYN 0 [mzz]', 'x.script:1:10: "mzz" is no option'],
    ['< SYN 0 [mss=3]', 'x.script:1:10: "mss=3" is no option'],
    ['< SYN 0 [dss colour=3]', 'x.script:1:14: "dss" has no field "colour"'],
    ['< SYN 0 [dss map=5]', 'x.script:1:18: "5" is nothing that "map" can be (a range like 1:101, none)'],
    ['< SYN 0 [dss ack=1 ack=2]', 'x.script:1:20: "ack" stands here twice'],
    ['< SYN 0 [capable extra]', 'x.script:1:18: "capable" does not take "extra"'],
    ['> ACK [mptcp]', 'x.script:1:8: only "no mptcp" makes sense'],
    ['> ACK [no dss ack=1]', 'x.script:1:11: an option that must not be there has no fields'],
    ['> ACK 1 hello', 'x.script:1:9: "hello" cannot stand in a packet'],
    ['> ACK 1 ack one', 'x.script:1:13: "one" is no number for ack'],
    ['< ACK 1 from mars', 'x.script:1:14: "mars" is no address'],
    ['< DATA 1:5', 'x.script:1:1: DATA is for packets out'],
    ['> DATA', 'x.script:1:7: DATA needs a range'],
    ['> icmp too-big 5', 'x.script:1:3: ICMP messages only come in'],
    ['< icmp lost', 'x.script:1:8: "lost" is none of too-big'],
    ['event party', 'x.script:1:7: "party" is no event'],
    ['no luck', 'x.script:1:4: "event" must follow "no"'],
    ['listen ]', 'x.script:1:8: "listen" does not go with "]"'],
    ['drain now', 'x.script:1:7: "now" is too much on this line'],
  ];
  it.each(bad)('says what is wrong with %j, and where', (text, message) => {
    expect(complaint(text)).toContain(message);
  });

  it('survives any line of noise with a complaint that has a place', () => {
    const pieces = [
      '<',
      '>2',
      'SYN',
      '0',
      '1:9',
      '[',
      ']',
      ',',
      'dss',
      'map=1:2',
      '+1s',
      'no',
      'set',
      'use',
      '=',
      '\u0000',
    ];
    let state = 5;
    for (let i = 0; i < 3000; i++) {
      let text = '';
      for (let n = 0; n < 7; n++) {
        state = (state * 1103515245 + 12345) & 0x7fffffff;
        text += `${pieces[(state >> 8) % pieces.length]!} `;
      }
      const message = complaint(text);
      if (message !== 'it was read') expect(message).toMatch(/^x\.script:1:\d+: /);
    }
  });
});

describe('running a conformance script', () => {
  it('passes the example of the README', async () => {
    const readme = readFileSync(join(conformanceFolder, 'README.md'), 'utf8');
    const example = /```script\n([\s\S]*?)```/.exec(readme)?.[1];
    expect(await outcome(example!)).toBe('it conforms');
  });

  const wrong: readonly [string, string, string][] = [
    ['another flag', 'listen\n< SYN 0\n> SYN 0', 'x.script:3: ACK is set\n  received: > SYN ACK 0 ack 1'],
    ['another option', 'listen\n< SYN 0 [capable]\n> SYN ACK 0 [no capable]', 'there is an option "capable"'],
    ['no packet', 'listen\n< SYN 0\n> SYN ACK 0\n> ACK 1', 'x.script:4: nothing was sent'],
    ['a packet in a silence', 'listen\n< SYN 0\n+5ms quiet', 'x.script:3: something was sent at 0.000 ms: >'],
    ['no event', 'listen\nevent established', 'x.script:2: the application was told nothing'],
    ['too few bytes', 'use tcp-server\nread 5', 'x.script:2: 0 bytes could be read'],
    ['wrong bytes', 'use tcp-server\n< ACK 1:4 payload bad\nread 3', 'byte 1 of what was read is wrong'],
    [
      'a wrong DATA_ACK',
      'use mptcp-server\n< ACK 1 [dss fin=1]\n> ACK 1 [dss ack=9]',
      'the DATA_ACK is 2, not 9',
    ],
    ['a packet too early', 'listen\n< SYN 0\n+1s > SYN ACK 0', 'the packet came'],
    ['a strict form', 'listen\n< SYN 0 [sack-ok]\n> SYN ACK 0 strict [mss]', 'an option "sack-ok" too many'],
  ];
  it.each(wrong)('reports %s with the line and with what came', async (_what, text, message) => {
    expect(await outcome(text)).toContain(message);
  });
});
