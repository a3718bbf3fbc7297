/** What one check of an installation found. */
export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'wrong' | 'unknown';
  /** What was seen. */
  readonly why: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly mend: string;
}

export const ok = (check: string, why: string): Finding => ({ check, verdict: 'ok', why, mend: '' });
export const wrong = (check: string, why: string, mend: string): Finding => ({ check, verdict: 'wrong', why, mend });
/** It couldn't be told; that is no "ok". */
export const unknown = (check: string, why: string, mend: string): Finding => ({
  check,
  verdict: 'unknown',
  why,
  mend,
});

/** Adding a check: a file, and a line in the catalog. A check that throws couldn't tell. */
export interface Check<Facts> {
  readonly name: string;
  look(facts: Facts): Promise<readonly Finding[]>;
}
