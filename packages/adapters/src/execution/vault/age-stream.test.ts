import { chunked, patterned, readWhole } from '@headgate/testkit/execution/object-store-suite';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect, test } from 'vitest';
import { decrypt, encrypt, Undecipherable } from './age-stream.ts';

const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const K64 = 64 * 1024;

const sizes = [0, 1, K64 - 1, K64, K64 + 1, 16 * K64, 16 * K64 + 1, 17 * K64, 3_000_001];

test.each(sizes)(
  'what is encrypted here, age’s own library decrypts, and the other way round (%i bytes)',
  async (size) => {
    const plain = patterned(size, size + 1);
    const ours = (await readWhole(encrypt(chunked(plain), [recipient])))!;
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    expect(Buffer.from(await decrypter.decrypt(ours)).equals(plain)).toBe(true);
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    const theirs = await encrypter.encrypt(plain);
    expect((await readWhole(decrypt(chunked(theirs), [identity])))?.equals(plain)).toBe(true);
  },
);

test('each of several recipients can decrypt it, and nobody else can', async () => {
  const second = await generateX25519Identity();
  const stranger = await generateX25519Identity();
  const secret = (await readWhole(encrypt(chunked(patterned(10)), [recipient, await identityToRecipient(second)])))!;
  for (const each of [identity, second])
    expect(await readWhole(decrypt(chunked(secret), [stranger, each]))).toEqual(patterned(10));
  await expect(readWhole(decrypt(chunked(secret), [stranger]))).rejects.toBeInstanceOf(Undecipherable);
});

test('whatever is changed, cut off, doubled, moved or added is refused', async () => {
  const secret = (await readWhole(encrypt(chunked(patterned(3 * K64 + 10)), [recipient])))!;
  const chunk = K64 + 16;
  const head = secret.length - 3 * chunk - 26;
  const at = (n: number) => secret.subarray(head + n * chunk, head + (n + 1) * chunk);
  const start = secret.subarray(0, head);
  const flipped = (place: number) => {
    const changed = Buffer.from(secret);
    changed[place]! ^= 1;
    return changed;
  };
  const spoiled: readonly Buffer[] = [
    ...[0, 30, 60, head - 20, head - 1, head, head + 5 * 1_000, secret.length - 1].map(flipped),
    ...[0, 10, head - 1, head, head + 10, head + chunk, head + 3 * chunk, secret.length - 1].map((n) =>
      secret.subarray(0, n),
    ),
    Buffer.concat([start, at(1), at(0), at(2), at(3)]),
    Buffer.concat([start, at(0), at(0), at(1), at(2), at(3)]),
    Buffer.concat([start, at(0), at(2), at(3)]),
    Buffer.concat([secret, Buffer.from('x')]),
    Buffer.concat([secret, at(3)]),
    Buffer.alloc(200_000, 'a'),
  ];
  for (const each of spoiled)
    await expect(readWhole(decrypt(chunked(each), [identity]))).rejects.toBeInstanceOf(Undecipherable);
});

test('a header without end is refused, and whoever reads on is let go, however it ends', async () => {
  let closed = 0;
  const watched = (content: AsyncIterable<Uint8Array>) =>
    (async function* () {
      try {
        yield* content;
      } finally {
        closed += 1;
      }
    })();
  const endless = async function* () {
    for (;;) yield Buffer.alloc(K64, 'age-encryption.org/v1\n-> X25519 ');
  };
  await expect(readWhole(decrypt(watched(endless()), [identity]))).rejects.toThrow('it has no header of age');
  const secret = (await readWhole(encrypt(chunked(patterned(40 * K64)), [recipient])))!;
  const stranger = await generateX25519Identity();
  await expect(readWhole(decrypt(watched(chunked(secret)), [stranger]))).rejects.toBeInstanceOf(Undecipherable);
  for await (const _ of decrypt(watched(chunked(secret)), [identity])) break;
  expect(closed).toBe(3);
  await expect(readWhole(encrypt(chunked(patterned(1)), []))).rejects.toThrow('nobody to encrypt for');
});

test('no two encryptions of the same content share a byte that tells of it', async () => {
  const plain = Buffer.alloc(K64);
  const [one, two] = await Promise.all([1, 2].map(() => readWhole(encrypt(chunked(plain), [recipient]))));
  const payload = (of: Buffer) => of.subarray(of.length - K64 - 16 - 16);
  const [a, b] = [payload(one!), payload(two!)];
  // The salt, the content, the tag: a key that was used twice would make the content equal.
  for (const [from, to] of [
    [0, 16],
    [16, 16 + K64],
    [16 + K64, 32 + K64],
  ] as const)
    expect(a.subarray(from, to).equals(b.subarray(from, to))).toBe(false);
});
