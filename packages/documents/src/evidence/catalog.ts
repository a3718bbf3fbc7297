import type { EvidenceFormat } from './evidence.ts';
import { testResult } from './test-result.ts';

/** The formats of evidence that are understood. Adding one: a file, and a line here. */
export const EVIDENCE_FORMATS: readonly EvidenceFormat[] = [testResult];
