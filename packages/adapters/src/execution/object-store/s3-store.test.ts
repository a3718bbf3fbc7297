import { writeFile } from 'node:fs/promises';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { chunked, objectStoreSuite, patterned, readWhole } from '@headgate/testkit/execution/object-store-suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../machine/free-port.ts';
import { openObjectStore } from './open-object-store.ts';
import { S3Store } from './s3-store.ts';
import { type Swift, startSwift, swiftMissing } from './testing/swift.ts';
import { tlsInFront } from './testing/tls-in-front.ts';

const missing = await swiftMissing();
const signal = new AbortController().signal;
const SLICE = 16 * 1024 * 1024;

describe.skipIf(missing !== undefined)('With the real S3 API of Debian’s Swift', () => {
  let swift: Swift;
  beforeAll(async () => {
    swift = await startSwift();
  }, 90_000);
  afterAll(() => swift?.stop());

  objectStoreSuite('A bucket', async () => openObjectStore(await swift.bucket('suite')), SLICE);

  const client = (): S3Client =>
    new S3Client({ endpoint: swift.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: swift });

  async function uploads(Bucket: string): Promise<number> {
    return ((await client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).length;
  }

  test('a wrong secret is refused, and shows in no error', async () => {
    const config = await swift.bucket('wrong');
    const file = (config.secretAccessKey as { file: string }).file;
    const other = `${file}-wrong`;
    await writeFile(other, 'not-the-secret\n', { mode: 0o600 });
    const store = await openObjectStore({ ...config, secretAccessKey: { file: other } });
    const error = await store.put('a/b', chunked(patterned(10)), signal).catch((e: Error) => e);
    expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('SignatureDoesNotMatch') });
    expect(String(error)).not.toContain('not-the-secret');
  });

  test('a bucket that isn’t there is told, and nothing is taken for an empty one', async () => {
    const store = await openObjectStore({ ...(await swift.bucket('there')), bucket: 'not-there' });
    await expect(store.get('a/b', signal)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('NoSuchBucket'),
    });
    await expect(store.put('a/b', chunked(patterned(10)), signal)).rejects.toMatchObject({ kind: 'refused' });
    await expect(store.list('a/', signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ kind: 'refused' });
  });

  test('versioning is told as the bucket has it, and replication, which this store hasn’t, is never on', async () => {
    const on = await (await openObjectStore(await swift.bucket('versions', true))).protections(signal);
    const off = await (await openObjectStore(await swift.bucket('plain'))).protections(signal);
    expect([on.versioning.state, off.versioning.state]).toEqual(['on', 'off']);
    expect(on.replication.state).not.toBe('on');
    expect(on.replication.detail).toMatch(/\S/);
  });

  test('an upload that broke off is ended at once, and one of somebody who was killed is swept', async () => {
    const store = await openObjectStore(await swift.bucket('uploads'));
    const breaks = async function* () {
      yield patterned(SLICE + 1);
      throw new Error('broken off');
    };
    await expect(store.put('a/one', breaks(), signal)).rejects.toThrow('broken off');
    expect(await uploads('uploads')).toBe(0);
    await client().send(new CreateMultipartUploadCommand({ Bucket: 'uploads', Key: 'a/killed' }));
    expect(await store.sweep('a/', Date.now() - 3_600_000, signal)).toBe(0);
    expect(await store.sweep('a/', Date.now() + 3_600_000, signal)).toBe(1);
    expect(await uploads('uploads')).toBe(0);
  });

  test('what is old is swept wherever it stands among what began since, over as many pages as there are', async () => {
    const Bucket = 'pages';
    const store = new S3Store(await swift.bucket(Bucket), swift, 2);
    const begin = async (...names: readonly string[]) => {
      for (const name of names) await client().send(new CreateMultipartUploadCommand({ Bucket, Key: `a/${name}` }));
    };
    await begin('b-old', 'd-old', 'd-old', 'f-old');
    // The store tells seconds, and which of its processes took one a moment earlier is nobody's to know.
    const dated = (await client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
    const before = Math.max(...dated.map(({ Initiated }) => Initiated!.getTime())) + 1_000;
    while (Date.now() < before + 1_000) await new Promise((done) => setTimeout(done, 100));
    await begin('a-young', 'a-younger', 'a-youngest', 'c-young', 'e-young');
    expect(await store.sweep('a/', before, signal)).toBe(4);
    const left = (await client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
    expect(left.map(({ Key }) => Key)).toEqual(['a/a-young', 'a/a-younger', 'a/a-youngest', 'a/c-young', 'a/e-young']);
    expect(await store.sweep('a/', before + 3_600_000, signal)).toBe(5);
    expect(await uploads(Bucket)).toBe(0);
  });

  test('nobody at the address is away, in words', async () => {
    const config = await swift.bucket('nobody');
    const store = await openObjectStore({ ...config, endpoint: `http://127.0.0.1:${await freePort()}` });
    await expect(store.get('a/b', signal)).rejects.toMatchObject({
      kind: 'away',
      message: expect.stringContaining("doesn't answer (ECONNREFUSED)"),
    });
    await expect(store.protections(signal)).rejects.toMatchObject({ kind: 'away' });
  });

  test('over TLS it is the authority that is named that vouches for the store, and without it nothing is sent', async () => {
    const tls = await tlsInFront(swift.endpoint);
    try {
      const config = { ...(await swift.bucket('tls')), endpoint: tls.endpoint };
      const known = await openObjectStore({ ...config, authorityFile: tls.authorityFile });
      await known.put('a/one', chunked(patterned(100_000)), signal);
      expect((await readWhole(await known.get('a/one', signal)))?.equals(patterned(100_000))).toBe(true);
      const before = tls.requests();
      await expect((await openObjectStore(config)).get('a/one', signal)).rejects.toMatchObject({
        kind: 'away',
        message: expect.stringContaining('CERT'),
      });
      expect(tls.requests()).toBe(before);
    } finally {
      await tls.stop();
    }
  });

  test('a store that is killed in the middle of a put and of a get is away, and afterwards everything is as it was', async () => {
    const store = await openObjectStore(await swift.bucket('killed'));
    await store.put('a/one', chunked(patterned(3 * SLICE, 5)), signal);
    const content = async function* () {
      yield patterned(SLICE + 1);
      await swift.pause();
      yield patterned(SLICE + 1);
    };
    await expect(store.put('a/one', content(), signal)).rejects.toMatchObject({ kind: 'away' });
    await swift.resume();
    const got = (await store.get('a/one', signal))!;
    const reading = (async () => {
      let size = 0;
      for await (const chunk of got) {
        if (size === 0) await swift.pause();
        size += chunk.length;
      }
      return size;
    })();
    await expect(reading).rejects.toMatchObject({ kind: 'away' });
    await swift.resume();
    expect((await readWhole(await store.get('a/one', signal)))?.equals(patterned(3 * SLICE, 5))).toBe(true);
    expect(await store.sweep('a/', Date.now() + 3_600_000, signal)).toBe(1);
  }, 60_000);
});
