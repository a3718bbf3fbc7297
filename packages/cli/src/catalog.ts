import type { Install } from './command.ts';
import { access } from './commands/access.ts';
import { analyse } from './commands/analyse.ts';
import { apply } from './commands/apply.ts';
import { cells } from './commands/cells.ts';
import { ci } from './commands/ci.ts';
import { completion } from './commands/completion.ts';
import { data } from './commands/data.ts';
import { decide } from './commands/decide.ts';
import { doctor } from './commands/doctor.ts';
import { document } from './commands/document.ts';
import { dr } from './commands/dr.ts';
import { drill } from './commands/drill.ts';
import { evidence } from './commands/evidence.ts';
import { freeze } from './commands/freeze.ts';
import { gate } from './commands/gate.ts';
import { incident } from './commands/incident.ts';
import { init } from './commands/init.ts';
import { log } from './commands/log.ts';
import { mask } from './commands/mask.ts';
import { migrate } from './commands/migrate.ts';
import { notify } from './commands/notify.ts';
import { promote } from './commands/promote.ts';
import { promotion } from './commands/promotion.ts';
import { reconcile } from './commands/reconcile.ts';
import { recoverTenant } from './commands/recover-tenant.ts';
import { recovery } from './commands/recovery.ts';
import { rehearse } from './commands/rehearse.ts';
import { release } from './commands/release.ts';
import { restoration } from './commands/restoration.ts';
import { setup } from './commands/setup.ts';
import { status } from './commands/status.ts';
import { watch } from './commands/watch.ts';

/** The commands, in the order in which people meet them. Adding one: a file, and a line here. */
export const COMMANDS: readonly Install[] = [
  init,
  setup,
  apply,
  document,
  gate,
  release,
  evidence,
  analyse,
  rehearse,
  drill,
  dr,
  ci,
  promote,
  promotion,
  decide,
  watch,
  status,
  incident,
  reconcile,
  restoration,
  freeze,
  cells,
  notify,
  log,
  recovery,
  recoverTenant,
  mask,
  access,
  migrate,
  doctor,
  data,
  completion,
];
