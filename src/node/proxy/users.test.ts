import { describe, expect, it } from 'vitest';
import { hashPassword, parsePasswordHash } from './password-hash.js';
import { FAILURE_BURST, parseUsers, readUsers } from './users.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const hash = await hashPassword(bytes('secret'));

describe('users of a proxy', () => {
  it('are known by name and password, in any encoding', async () => {
    const users = parseUsers(`# some\n\nalice:${hash}\njürgen:${hash}\r\n`, 'file');
    expect(users.count).toBe(2);
    for (const name of ['alice', 'jürgen', 'alice'])
      expect(await users.authenticate('192.0.2.1', bytes(name), bytes('secret')), name).toBe(true);
    const wrong = [
      ['alice', 'guess'],
      ['bob', 'secret'],
      ['alic', 'esecret'],
      ['', ''],
      ['alice', 'secret\0'],
    ] as const;
    for (const [name, password] of wrong)
      expect(await users.authenticate('192.0.2.1', bytes(name), bytes(password)), name).toBe(false);
  });

  it('are not read from what is no file, which may never end', async () => {
    for (const path of ['/dev/zero', '/', '/nonexistent'])
      await expect(readUsers(path)).rejects.toMatchObject({
        code: 'ERR_SUBFLOW_BAD_USERS',
        message: expect.stringContaining(`${path} cannot be read: `) as string,
      });
  });

  it('wait when guesses come from their address, and nobody else does', async () => {
    const users = parseUsers(`alice:${hash}`, 'file');
    const ask = (client: string, password: string): Promise<boolean> =>
      users.authenticate(client, bytes('alice'), bytes(password));
    for (let i = 0; i < FAILURE_BURST; i++) expect(await ask(`2001:db8::${i}`, `guess ${i}`)).toBe(false);
    // The same 2^64 addresses are one client's, and the right word is not looked at.
    expect(await ask('2001:db8::ffff', 'secret')).toBe(false);
    expect(await ask('2001:db8:0:1::1', 'secret')).toBe(true);
    // What was right once needs no work, and no patience.
    expect(await ask('2001:db8::ffff', 'secret')).toBe(true);
  });

  it('have no more passwords worked on than the machine bears: a flood of guesses is refused at once', async () => {
    const users = parseUsers(`alice:${hash}`, 'file');
    let answered = 0;
    const flood = Array.from({ length: 300 }, (_, i) =>
      users.authenticate(`192.0.2.${i % 250}`, bytes('alice'), bytes(`guess ${i}`)).then(() => answered++),
    );
    await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    expect(answered).toBeGreaterThan(200);
    await Promise.all(flood);
  });

  it.each([
    ['a line without a hash', 'alice', /1: no hash|1: no name/],
    ['a password in the clear', 'alice:secret', /1: no hash/],
    ['nobody', `:${hash}`, /1: no name/],
    ['the same user twice', `a:${hash}\na:${hash}`, /2: this user is there twice/],
  ])('cannot be %s', (_, text, said) => {
    expect(() => parseUsers(text, 'file')).toThrow(said);
    try {
      parseUsers(text, 'file');
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SUBFLOW_BAD_USERS' });
      expect((error as Error).message).not.toContain('secret');
    }
  });
});

describe('a hash of a password (RFC 7914)', () => {
  it('has a salt of its own each time', async () => {
    expect(hash).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$/);
    expect(await hashPassword(bytes('secret'))).not.toBe(hash);
  });

  it.each(['', 'x'.repeat(256)])('is not made of %j', async (password) => {
    await expect(hashPassword(bytes(password))).rejects.toMatchObject({ code: 'ERR_SUBFLOW_BAD_PASSWORD' });
  });

  it('may not ask for more than the machine has, nor for next to nothing', () => {
    const rest = '$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
    expect(parsePasswordHash(`$scrypt$ln=15,r=8,p=1${rest}`)).toBeDefined();
    for (const costs of [
      'ln=30,r=8,p=1',
      'ln=1,r=8,p=1',
      'ln=14,r=99,p=1',
      'ln=14,r=8,p=99',
      'ln=14,r=0,p=1',
    ])
      expect(parsePasswordHash(`$scrypt$${costs}${rest}`), costs).toBeUndefined();
  });
});
