import { expect, it } from 'vitest';
import { BondUpstream } from './bond-upstream.js';

it('the way of a bond is told without the password for it', () => {
  const { name } = new BondUpstream('192.0.2.1,socks5://alice:secret@192.0.2.2', () => []);
  expect(name).toBe('converter://192.0.2.1:5124,socks5://192.0.2.2:1080');
});
