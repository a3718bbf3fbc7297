import { type Refused, refuse } from '../refusal.ts';
import { decodeEntry } from './entry.ts';

/** What an auditor demands of entries one by one: their form, and that every stream's versions run from 1 without a gap. */
export class EntryChecks {
  readonly #versions = new Map<string, number>();

  /** Takes the bytes that stand at the next place. `where` of the refusal is the place. */
  check(bytes: Uint8Array, place: number): Refused<'log-entry' | 'log-gap'> | undefined {
    const decoded = decodeEntry(bytes);
    if (!decoded.ok) return refuse('log-entry', whatAt(place), decoded.why, { where: String(place) });
    const { stream, version } = decoded.entry;
    const expected = (this.#versions.get(stream) ?? 0) + 1;
    this.#versions.set(stream, version);
    if (version === expected) return undefined;
    const why = `expected version ${expected} of stream ${stream}, found ${version}`;
    return refuse('log-gap', whatAt(place), why, { where: String(place) });
  }
}

const whatAt = (place: number): string => `log entry at place ${place}`;
