/** Commands of the documentation that need rights, by the word behind `sh`. */
import {
  type Capability,
  kernelMptcp,
  mayCreateNamespaces,
  mayCreateTun,
  mayUseXdp,
} from '../../src/linux/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';
import { BlockRunner } from './block-runner.js';

const needs: readonly (readonly [string, readonly Capability[]])[] = [
  ['root', [kernelMptcp(), mayCreateTun(), mayUseXdp()]],
  ['root nft', [kernelMptcp(), mayCreateNamespaces(), hasTool('nft'), hasTool('curl')]],
];

const runner = new BlockRunner();

for (const [word, capabilities] of needs) {
  describeWith(`commands in the documentation that need ${word}`, capabilities, () => {
    runner.testAll(`sh ${word}`);
  });
}
