/** What holds of every dissection, whatever the bytes. */
import { assert } from '../../src/base/index.js';
import type { DissectedField, Dissection } from '../../src/trace/index.js';

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Throws unless all lies within the frame, layers follow each other, and fields within one another without an overlap. */
export function checkDissection(bytes: Uint8Array, { layers, problem }: Dissection): void {
  let end = 0;
  for (const layer of layers) {
    assert(layer.offset >= end && layer.length > 0, 'layers follow one another');
    end = layer.offset + layer.length;
    assert(end <= bytes.length, 'a layer lies within the frame');
    assert(layer.name !== '' && layer.summary !== '', 'a layer has a name and a summary');
    checkFields(layer.fields, layer);
  }
  assert(problem === null || problem.length > 0, 'a problem has words');
}

function checkFields(fields: readonly DissectedField[], parent: Range): void {
  let before: DissectedField | undefined;
  for (const field of fields) {
    assert(field.offset >= parent.offset && field.length > 0, 'a field begins within its parent');
    assert(field.offset + field.length <= parent.offset + parent.length, 'a field ends within its parent');
    assert(before === undefined || isBehind(field, before), 'fields stand in order and do not overlap');
    assert(field.name !== '' && field.value !== '', 'a field has a name and a value');
    assert(!/undefined|NaN/.test(field.value), 'a value is one');
    assert((field.meaning === undefined) === (field.source === undefined), 'what has a meaning has a source');
    checkFields(field.fields ?? [], field);
    before = field;
  }
}

/** Whether a field stands behind the one before it, or shares its bytes and has lower bits of them. */
function isBehind(field: DissectedField, before: DissectedField): boolean {
  if (field.offset >= before.offset + before.length) return true;
  const isShared = field.offset === before.offset && field.length === before.length;
  if (!isShared || field.mask === undefined || before.mask === undefined) return false;
  return field.mask > 0 && field.mask < before.mask && (field.mask & before.mask) === 0;
}

/** The dissection as lines, for people to compare. */
export function outline({ layers, problem }: Dissection): string {
  const lines = layers.flatMap((layer) => [
    `${layer.name}: ${layer.summary} [${layer.offset}, ${layer.length}]`,
    ...layer.fields.flatMap((field) => lineOf(field, '  ')),
  ]);
  return [...lines, ...(problem === null ? [] : [`problem: ${problem}`])].join('\n');
}

function lineOf(field: DissectedField, indent: string): string[] {
  const mask = field.mask === undefined ? '' : ` & ${field.mask.toString(16)}`;
  return [
    `${indent}${field.name}: ${field.value} [${field.offset}, ${field.length}${mask}]`,
    ...(field.fields ?? []).flatMap((inner) => lineOf(inner, `${indent}  `)),
  ];
}

/** The first field of this name, in any layer at any depth. */
export function findField({ layers }: Dissection, name: string): DissectedField | undefined {
  const within = (fields: readonly DissectedField[]): DissectedField | undefined => {
    for (const field of fields) {
      const found = field.name === name ? field : within(field.fields ?? []);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const layer of layers) {
    const found = within(layer.fields);
    if (found !== undefined) return found;
  }
  return undefined;
}
