/** What is installed: the handlers of every resource. The compiler refuses a route of the contract without one. */
import type { Context } from './http/context.ts';
import type { Handlers } from './http/handler.ts';
import { accessHandlers } from './http/resources/access.ts';
import { agentHandlers } from './http/resources/agents.ts';
import { blobHandlers } from './http/resources/blobs.ts';
import { cellHandlers } from './http/resources/cells.ts';
import { documentHandlers } from './http/resources/documents.ts';
import { drillHandlers } from './http/resources/drills.ts';
import { freezeHandlers } from './http/resources/freezes.ts';
import { incidentHandlers } from './http/resources/incident.ts';
import { logHandlers } from './http/resources/log.ts';
import { migrationTimeHandlers } from './http/resources/migration-times.ts';
import { notificationHandlers } from './http/resources/notifications.ts';
import { pinHandlers } from './http/resources/pins.ts';
import { planHandlers } from './http/resources/plans.ts';
import { promotionHandlers } from './http/resources/promotions.ts';
import { reconciliationHandlers } from './http/resources/reconciliations.ts';
import { recoveryHandlers } from './http/resources/recovery.ts';
import { releaseHandlers } from './http/resources/releases.ts';
import { restorationHandlers } from './http/resources/restorations.ts';
import { serverHandlers } from './http/resources/server.ts';
import { statusHandlers } from './http/resources/status.ts';

export function allHandlers(context: Context): Handlers {
  return {
    ...agentHandlers(context),
    ...blobHandlers(context),
    ...logHandlers(context),
    ...documentHandlers(context),
    ...releaseHandlers(context),
    ...promotionHandlers(context),
    ...pinHandlers(context),
    ...planHandlers(context),
    ...migrationTimeHandlers(context),
    ...cellHandlers(context),
    ...drillHandlers(context),
    ...reconciliationHandlers(context),
    ...restorationHandlers(context),
    ...freezeHandlers(context),
    ...incidentHandlers(context),
    ...notificationHandlers(context),
    ...recoveryHandlers(context),
    ...statusHandlers(context),
    ...accessHandlers(context),
    ...serverHandlers(context),
  };
}
