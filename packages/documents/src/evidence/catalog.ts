import { analysis } from './analysis.ts';
import type { EvidenceFormat } from './evidence.ts';
import { rehearsal } from './rehearsal.ts';
import { rollbackRehearsal } from './rollback-rehearsal.ts';
import { testResult } from './test-result.ts';

/** The formats of evidence that are understood. Adding one: a file, and a line here. */
export const EVIDENCE_FORMATS: readonly EvidenceFormat[] = [testResult, rehearsal, rollbackRehearsal, analysis];
