import type { AnalysisRule } from '@headgate/domain/analysis/rules';

/** What is said about statements: the rules, each with a title for lists and for SARIF. Their names are stable. */
export const RULES = {
  'syntax-error': 'PostgreSQL’s own grammar refuses it',
  'not-known': 'what it does can’t be known before it runs',
  'rewrite-under-lock': 'a table is written again while others wait for its lock',
  'scan-under-lock': 'every row of a table is read while others wait for its lock',
  'index-build-under-lock': 'an index is built while others wait for the table’s lock',
  'work-under-lock': 'long work while others wait for a lock',
  'lock-held-during-work': 'a lock of an earlier statement of the same transaction is held during long work',
  'whole-table-write': 'very many rows are changed, and locked, in one transaction',
  'destroys-data': 'data is gone afterwards',
  'destroys-few': 'single rows are gone afterwards',
  'breaks-running-code': 'code that still runs on the old schema fails, or reads and writes something else',
  'may-break-running-code': 'code that still runs on the old schema may fail, depending on what it writes',
  'not-in-transaction': 'it can’t run in a transaction, and the file is run in one',
  'runs-alone': 'it has to be run outside of a transaction',
  'way-back-is-run': 'what a migration tool would leave out as the way back is run, too',
  'explicit-lock': 'a lock is taken and held until the transaction ends',
  'no-lock-timeout': 'nothing ends the waiting for a lock, and everybody queues behind who waits',
  'loses-on-crash': 'a crash of the server empties the table',
  'exposes-rows': 'rows become visible that were hidden',
  'checks-off': 'triggers and foreign keys are off',
  'triggers-run': 'triggers run for what is written, and do harm, or what they do can’t be known',
  fails: 'the statement fails',
  'does-nothing': 'it does nothing, and what is there isn’t what it should make',
  irreversible: 'it can’t be taken back without loss',
} as const satisfies Record<AnalysisRule, string>;

export type Rule = keyof typeof RULES;
