import { describe, expect, it } from 'vitest';
import type { MptcpVersion } from '../wire/index.js';
import { checkMptcpSettings, defaultMptcpSettings } from './index.js';

function check(versions: readonly number[]): () => void {
  return () => {
    checkMptcpSettings({ ...defaultMptcpSettings, versions: versions as readonly MptcpVersion[] });
  };
}

describe('the versions to speak', () => {
  it.each([[[0]], [[1]], [[0, 1]], [[1, 0]]])('may be %j', (versions) => {
    expect(check(versions)).not.toThrow();
  });

  it.each([[[]], [[2]], [[1, 2]], [[1, 1]], [[0, 1, 0]], [[-1]], [[Number.NaN]]])(
    'are refused with a code when they are %j',
    (versions) => {
      expect(check(versions)).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }));
    },
  );
});

describe('the settings that hold unless the owner says otherwise', () => {
  it('have a send buffer as big as the receive buffer (RFC 8684 §3.3.5)', () => {
    const { sendBufferBytes, receiveBufferBytes } = defaultMptcpSettings;
    expect(sendBufferBytes).toBeGreaterThanOrEqual(receiveBufferBytes);
  });
});
