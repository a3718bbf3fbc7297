import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';
import { type MirrorPatience, PATIENCE } from './apt.ts';
import { aptSid } from './apt-sid.ts';
import { MissingPart } from './missing-part.ts';

const PACKAGE = 'odoo-19';
/** Debian's version: an optional epoch, then the major that everything here was written for. */
const MAJOR_19 = /^(?:\d+:)?19\./;

const Record_ = z.strictObject({
  package: z.literal(PACKAGE),
  version: z.string().regex(MAJOR_19),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** A Debian package's file as it was downloaded, with what apt's signed index said of it. */
export interface OdooPackage extends z.output<typeof Record_> {
  readonly file: string;
}

/**
 * The package's file: the cached one, read back against the digest that was recorded, else a download that apt checked.
 * The version is whatever sid has within major 19 (superseded files vanish there, so none can be pinned).
 */
export async function odooPackage(
  cache: string,
  aptDir?: string,
  patience: MirrorPatience = PATIENCE,
): Promise<OdooPackage> {
  return (await cached(cache)) ?? (await download(cache, aptDir, patience));
}

async function cached(cache: string): Promise<OdooPackage | undefined> {
  const text = await readIfThere(join(cache, `${PACKAGE}.json`));
  if (text === undefined) return undefined;
  const record = Record_.safeParse(JSON.parse(text));
  const file = join(cache, `${PACKAGE}.deb`);
  if (!record.success || !(await stat(file).catch(() => undefined))) return undefined;
  return (await sha256Of(file)) === record.data.sha256 ? { ...record.data, file } : undefined;
}

async function download(cache: string, aptDir: string | undefined, patience: MirrorPatience): Promise<OdooPackage> {
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const fetched = join(cache, 'fetched');
  let sid: Awaited<ReturnType<typeof aptSid>> | undefined;
  try {
    sid = await aptSid(aptDir, patience);
    await sid.ask(['apt-get', 'update', '-qq', '-o', 'APT::Update::Error-Mode=any'], patience.indexMs);
    const shown = await sid.show(PACKAGE);
    const version = /^Version: (\S+)$/m.exec(shown)?.[1] ?? 'none';
    const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(shown)?.[1];
    if (!MAJOR_19.test(version)) throw new Error(`sid has ${PACKAGE} in version ${version}, and this is for major 19`);
    await rm(fetched, { recursive: true, force: true });
    await mkdir(fetched, { recursive: true });
    await sid.ask(['apt-get', 'download', '-qq', `${PACKAGE}=${version}`], patience.downloadMs, fetched);
    const [name] = await readdir(fetched);
    if (!name || (await sha256Of(join(fetched, name))) !== sha256)
      throw new Error(`what was downloaded isn't what the signed index names`);
    const file = join(cache, `${PACKAGE}.deb`);
    await rename(join(fetched, name), file);
    const record = { package: PACKAGE, version, sha256 } as const;
    await writeDurably(join(cache, `${PACKAGE}.json`), `${JSON.stringify(record)}\n`);
    return { ...record, file };
  } catch (error) {
    if (error instanceof MissingPart) throw error;
    throw new MissingPart(
      'Odoo 19',
      (error as Error).message,
      `It is Debian's package ${PACKAGE} of the suite sid; make the mirror of the machine's apt sources reachable, or put the file and its record into ${cache}`,
    );
  } finally {
    await sid?.remove();
    await rm(fetched, { recursive: true, force: true });
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
