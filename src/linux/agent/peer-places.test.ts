import { describe, expect, it } from 'vitest';
import { PeerPlaces } from './peer-places.js';

describe('places of other servers', () => {
  it('stay with an address that goes and comes again', () => {
    const places = new PeerPlaces(4);
    expect(['a', 'b', 'c'].map((each) => places.add(each))).toEqual([0, 1, 2]);
    expect(places.remove('b')).toBe(1);
    expect(places.find('b')).toBeUndefined();
    expect(places.add('d')).toBe(3);
    expect(places.add('b')).toBe(1);
    expect(places.add('a')).toBe(0);
  });

  it('are given to others when all are taken, that of whoever went longest ago first', () => {
    const places = new PeerPlaces(3);
    for (const each of ['a', 'b', 'c']) places.add(each);
    places.remove('b');
    places.remove('a');
    expect(places.add('d')).toBe(1);
    expect(places.add('e')).toBe(0);
    expect(places.addresses()).toEqual(['c', 'd', 'e']);
    expect(() => places.add('f')).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SERVER' }));
    expect(places.remove('x')).toBeUndefined();
  });
});
