/**
 * The options of a TCP header, each with its fields. Where they stand and what they say is what the options report reads; padding
 * is what lies between them. Read first: RFC 9293 §3.2.
 */
import { minTcpHeaderBytes, TcpOptionKind, type TcpOption } from '../../wire/index.js';
import {
  describeOption,
  type PlacedOption,
  readHeaderOptions,
  tcpKindName,
} from '../options-report/index.js';
import { bytesText, type Explanation, FieldList, hexNumber } from './field-list.js';
import type { Frame } from './frame.js';
import { addMptcpFields, addUnreadable, explainMptcp } from './mptcp-fields.js';
import { tcpTexts as texts } from './tcp-texts.js';

/**
 * Adds the options of the header at `at` as one field; gives the names of those of Multipath TCP. `stated` is how long the
 * header says it is: more than the list has, where the capture cut it.
 */
export function addTcpOptions(frame: Frame, list: FieldList, at: number, stated: number): string[] {
  const start = at + minTcpHeaderBytes;
  if (list.end <= start) return [];
  const header = list.bytes.subarray(at, list.end);
  const { options, overrunAt } = readHeaderOptions(header);
  const inner = new FieldList(list.bytes, list.end);
  let next = start;
  for (const placed of options) {
    addPadding(inner, next, at + placed.offset);
    addOption(inner, placed, at, header[13]!);
    next = at + placed.offset + placed.length;
  }
  const rest = overrunAt < 0 ? list.end : at + overrunAt;
  addPadding(inner, next, rest);
  if (overrunAt >= 0) addOverrun(frame, inner, rest, list.end - at < stated);
  const value = (): string => bytesText(list.end - start);
  list.add('options', start, list.end - start, value, texts.options, inner.fields);
  return options.flatMap(({ option }) => (option.kind === 'mptcp' ? [option.option.subtype] : []));
}

/** Bytes of padding: NOPs, and the end of the list with what follows it. */
function addPadding(list: FieldList, from: number, to: number): void {
  let at = from;
  while (at < to && list.bytes[at] === TcpOptionKind.NOP) at++;
  if (at > from) list.add('padding (NOP)', from, at - from, () => bytesText(at - from), texts.nop);
  if (at < to) list.add('end of the options', at, to - at, () => bytesText(to - at), texts.end);
}

function addOverrun(frame: Frame, list: FieldList, at: number, isCut: boolean): void {
  const name = tcpKindName(list.bytes[at]!);
  const problem = isCut ? 'cut by the capture' : 'longer than the header';
  frame.hinder(`the option ${name} is ${problem}`);
  list.add(name, at, list.end - at, () => problem, texts.overrun);
}

function addOption(list: FieldList, placed: PlacedOption, base: number, flags: number): void {
  const { kind, length, option } = placed;
  const at = base + placed.offset;
  const { name, text, notes } = describeOption(placed, flags);
  const about = explanationOf(option);
  const remarks = notes.map((note) => note.text).join('; ');
  const meaning = remarks === '' ? about.meaning : `${about.meaning} Here: ${remarks}.`;
  const fields = list.nested((inner) => {
    inner.number('kind', at, 1, texts.kind, () => `${tcpKindName(kind)} (${kind})`);
    inner.number('length', at + 1, 1, texts.length, () => bytesText(length));
    addContent(inner, option, at, length);
  });
  list.add(name, at, length, () => text, { meaning, source: about.source }, fields);
}

function explanationOf(option: TcpOption): Explanation {
  switch (option.kind) {
    case 'mptcp':
      return explainMptcp(option.option);
    case 'mss':
      return texts.mss;
    case 'window-scale':
      return texts.windowScale;
    case 'sack-permitted':
      return texts.sackPermitted;
    case 'sack':
      return texts.sack;
    case 'timestamps':
      return texts.timestamps;
    case 'fast-open':
      return texts.fastOpen;
    case 'malformed':
      return texts.malformed;
    case 'unknown':
    case 'nop':
      return texts.unknown;
  }
}

/** What stands behind kind and length. */
function addContent(list: FieldList, option: TcpOption, at: number, length: number): void {
  switch (option.kind) {
    case 'mptcp':
      return addMptcpFields(list, option.option, at, length);
    case 'mss':
      return list.number('MSS', at + 2, 2, texts.mss, bytesText);
    case 'window-scale':
      return list.number('shift', at + 2, 1, texts.windowScale);
    case 'sack-permitted':
    case 'nop':
      return;
    case 'sack':
      for (let edge = at + 2; edge < at + length; edge += 8) addBlock(list, edge);
      return;
    case 'timestamps':
      list.number('TSval', at + 2, 4, texts.tsVal);
      return list.number('TSecr', at + 6, 4, texts.tsEcr);
    case 'fast-open':
      return addFastOpen(list, option.experimental, at, length);
    case 'malformed':
      if (option.number === TcpOptionKind.MPTCP) return addUnreadable(list, at, length);
      return addBody(list, at, length);
    case 'unknown':
      return addBody(list, at, length);
  }
}

function addBlock(list: FieldList, at: number): void {
  list.number('left edge', at, 4, texts.sackLeft);
  list.number('right edge', at + 4, 4, texts.sackRight);
}

function addFastOpen(list: FieldList, isExperimental: boolean, at: number, length: number): void {
  if (isExperimental) list.number('experiment', at + 2, 2, texts.experiment, (id) => hexNumber(id, 4));
  const start = isExperimental ? 4 : 2;
  if (length > start) list.hex('cookie', at + start, length - start, texts.cookie);
}

function addBody(list: FieldList, at: number, length: number): void {
  if (length > 2) list.hex('content', at + 2, length - 2, texts.unknown);
}
