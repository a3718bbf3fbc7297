import type { Client, Release } from '@headgate/contract';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Most releases that are looked through for a version. */
const MOST_PAGES = 50;

/** Finds a release by digest, by the beginning of its digest, by version, or by application@version. */
export async function resolveRelease(client: Client, text: string): Promise<Release> {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return client.call('showRelease', { digest: text as `sha256:${string}` });
  const found: Release[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer: { items: Release[]; next: string | null } = await client.call('listReleases', {
      limit: 200,
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...answer.items.filter((release) => matches(release, text)));
    cursor = answer.next;
    if (cursor === null) break;
  }
  const [release, other] = found;
  if (release === undefined)
    throw new Failure(EXIT.notFound, 'not-found', `no release is ${text}`, 'see `headgate release list`');
  if (other === undefined) return release;
  const digests = found.map((r) => `${r.application}@${r.ref.version} ${r.ref.digest}`).join('\n  ');
  throw new Failure(EXIT.usage, 'ambiguous', `${text} may be any of\n  ${digests}`, 'give the digest');
}

function matches({ application, ref }: Release, text: string): boolean {
  if (text === ref.version || text === `${application}@${ref.version}`) return true;
  const hex = text.replace(/^sha256:/, '');
  return /^[0-9a-f]{6,64}$/.test(hex) && ref.digest.startsWith(`sha256:${hex}`);
}
