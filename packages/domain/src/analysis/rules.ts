/** The rules by which an analysis finds something in a migration. Their names are stable: waivers and statements hold them. */
export const ANALYSIS_RULES = [
  'syntax-error',
  'not-known',
  'rewrite-under-lock',
  'scan-under-lock',
  'index-build-under-lock',
  'work-under-lock',
  'lock-held-during-work',
  'whole-table-write',
  'destroys-data',
  'destroys-few',
  'breaks-running-code',
  'may-break-running-code',
  'not-in-transaction',
  'runs-alone',
  'way-back-is-run',
  'explicit-lock',
  'no-lock-timeout',
  'loses-on-crash',
  'exposes-rows',
  'checks-off',
  'triggers-run',
  'fails',
  'does-nothing',
  'irreversible',
] as const;

export type AnalysisRule = (typeof ANALYSIS_RULES)[number];
