/** The type URIs of what we sign: the one place where they stand. They are names, nothing is fetched from there. */
import { ANALYSIS } from '@headgate/domain/gates/migrations-analysed';
import { REHEARSAL } from '@headgate/domain/gates/rehearsed';
import { RESTORE_DRILL } from '@headgate/domain/gates/restore-drilled';
import { ROLLBACK_REHEARSAL } from '@headgate/domain/gates/rollback-rehearsed';
import { TEST_RESULT } from '@headgate/domain/gates/tests-passed';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** The form before, with the same fields: cosign 3 still writes it. Read, never written. */
export const STATEMENT_TYPE_V01 = 'https://in-toto.io/Statement/v0.1';
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** "This manifest is a release of this application." */
export const RELEASE_PREDICATE = 'https://headgate.dev/release/v1';
/** "I approve this envelope." */
export const APPROVAL_PREDICATE = 'https://headgate.dev/approval/v1';
/** "I approve this compensation plan." */
export const COMPENSATION_APPROVAL_PREDICATE = 'https://headgate.dev/compensation-approval/v1';
/** "This compensation plan was carried out, and that is what came of it." */
export const RECONCILED_PREDICATE = 'https://headgate.dev/reconciled/v1';
/** "I approve that this tenant's rows are brought back." */
export const TENANT_DIFFERENCE_APPROVAL_PREDICATE = 'https://headgate.dev/tenant-difference-approval/v1';
/** "This tenant's rows were brought back, and that is what came of it." */
export const TENANT_RECOVERED_PREDICATE = 'https://headgate.dev/tenant-recovered/v1';
/** "This was brought back out of restore points, and that is what came of it." */
export const RESTORATION_PREDICATE = 'https://headgate.dev/restoration/v1';
/** "This copy was masked by these rules, and so much was found in it afterwards." */
export const MASKING_PREDICATE = 'https://headgate.dev/masking/v1';
/** "This restore point lies in a vault, in these parts." */
export const SEALED_POINT_PREDICATE = 'https://headgate.dev/restore-point/v1';
/** "This backup of what stands beside the stores lies in a vault, in these parts." */
export const SEALED_BACKUP_PREDICATE = 'https://headgate.dev/backup/v1';
/** "This piece of a store's WAL lies in a vault." */
export const SEALED_WAL_PREDICATE = 'https://headgate.dev/wal/v1';
/** "All of a store's WAL up to this moment lies in a vault." */
export const WAL_REACH_PREDICATE = 'https://headgate.dev/wal-reach/v1';
/** "The migrations of this release were rehearsed, and that is what was seen." */
export const REHEARSAL_PREDICATE = REHEARSAL;
/** "This release was promoted and taken back, and that is what was seen." */
export const ROLLBACK_REHEARSAL_PREDICATE = ROLLBACK_REHEARSAL;
/** "The migrations of this release were analysed, and that is what was found." */
export const ANALYSIS_PREDICATE = ANALYSIS;
/** "This restore point was brought back in a drill, and that is what came of it." */
export const RESTORE_DRILL_PREDICATE = RESTORE_DRILL;
/** "This cell was rebuilt in a place that is gone again, and that is what came of it." */
export const REBUILD_EXERCISE_PREDICATE = 'https://headgate.dev/rebuild-exercise/v1';
/** in-toto's own test result, with our extension field beside its own. */
export const TEST_RESULT_PREDICATE = TEST_RESULT;
/** Extension field of a test result: command, exit code, log and counts of the run. */
export const TEST_RUN_FIELD = 'https://headgate.dev/test-run/v1';
