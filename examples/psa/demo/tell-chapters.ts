/**
 * Tells chapter by chapter, from where the story stands. What a person does in the middle of it is told and waited for,
 * never held against them; only a telling without a person (`--once`) has nobody to wait for, and ends there, in words.
 */
import { type Client, ProblemError, type Promotion } from '@headgate/contract';
import type { ReleaseRef } from '@headgate/domain';
import { type Chapter, keyOf, otherwise, standing } from './chapters.ts';
import { askFor, endOf, type PromotionEnd } from './story.ts';

/** How long a chapter without a person may take. Milliseconds. */
const ALONE_MS = 600_000;

export interface Teller {
  /** Whoever asks for the promotions. */
  readonly client: Client;
  readonly say: (line: string) => void;
  readonly approve: (promotion: string) => Promise<void>;
  /**
   * A chapter went another way: resolves when it should be asked for again, because a person here says so or because another
   * promotion of the same release is there. Absent: nobody is there who could.
   */
  readonly again?: (chapter: Chapter, others: () => Promise<boolean>) => Promise<void>;
}

/** Tells chapters in their order and answers with how each of them ended. */
export async function tellChapters(
  teller: Teller,
  chapters: readonly (Chapter & { readonly release: ReleaseRef })[],
): Promise<readonly PromotionEnd[]> {
  const ends: PromotionEnd[] = [];
  for (const chapter of chapters) ends.push(await tellChapter(teller, chapter, chapter.release));
  return ends;
}

async function tellChapter(teller: Teller, chapter: Chapter, ref: ReleaseRef): Promise<PromotionEnd> {
  const { client, say, approve, again } = teller;
  const withinMs = again === undefined ? ALONE_MS : Number.POSITIVE_INFINITY;
  const name = `${chapter.version} → ${chapter.environment}`;
  for (let asked = 0; ; ) {
    const stands = standing(chapter, ref.digest, await promotionsTo(client, chapter.environment));
    if (stands.kind === 'told') {
      if (asked === 0) say(`${name}: ${stands.promotion.result} already`);
      return endOf(client, stands.promotion, withinMs);
    }
    let went: string;
    try {
      if (stands.kind === 'ask' && stands.last !== undefined && asked === 0)
        say(`${otherwise(chapter, stands.last)}: it is asked for again`);
      if (stands.kind === 'open' && asked === 0) say(`${name}: it is under way, and the story goes on with it`);
      const promotion =
        stands.kind === 'open'
          ? stands.promotion
          : await askFor(client, ref, chapter.environment, keyOf(ref.digest, chapter, stands.attempt));
      await approve(promotion.id);
      const end = await endOf(client, promotion, withinMs);
      if (end.result === chapter.expected) return end;
      went = otherwise(chapter, end.promotion);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      went = `${name} is refused: ${error.message}`;
    }
    asked += 1;
    if (again === undefined) throw new Error(`${went}; the next start in this folder goes on from here`);
    say(`${went}. Nothing is lost: the story waits here`);
    const seen = (await promotionsTo(client, chapter.environment)).length;
    await again(chapter, async () => (await promotionsTo(client, chapter.environment)).length > seen);
  }
}

/** The promotions to an environment, the oldest first. */
async function promotionsTo(client: Client, environment: string): Promise<readonly Promotion[]> {
  const found: Promotion[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = { limit: 200, order: 'asc', environment, ...(cursor !== undefined && { cursor }) } as const;
    const { items, next } = await client.call('listPromotions', page);
    found.push(...items);
    cursor = next;
  }
  return found;
}
