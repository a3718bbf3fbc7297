import type { Route } from './route.ts';
import { accessRoutes, metricsRoutes, openRoutes } from './routes/access-routes.ts';
import { agentRoutes } from './routes/agent-routes.ts';
import { cellRoutes } from './routes/cell-routes.ts';
import { drillRoutes } from './routes/drill-routes.ts';
import { freezeRoutes } from './routes/freeze-routes.ts';
import { incidentRoutes } from './routes/incident-routes.ts';
import { logRoutes } from './routes/log-routes.ts';
import { notifyRoutes } from './routes/notify-routes.ts';
import { planRoutes } from './routes/plan-routes.ts';
import { promotionRoutes } from './routes/promotion-routes.ts';
import { reconciliationRoutes } from './routes/reconciliation-routes.ts';
import { recoveryRoutes } from './routes/recovery-routes.ts';
import { releaseRoutes } from './routes/release-routes.ts';
import { restorationRoutes } from './routes/restoration-routes.ts';

/** Every route of the API, by its name. Adding one: a line in its resource's file. */
export const routes = {
  ...agentRoutes,
  ...logRoutes,
  ...releaseRoutes,
  ...promotionRoutes,
  ...planRoutes,
  ...cellRoutes,
  ...drillRoutes,
  ...reconciliationRoutes,
  ...restorationRoutes,
  ...freezeRoutes,
  ...incidentRoutes,
  ...notifyRoutes,
  ...recoveryRoutes,
  ...accessRoutes,
  ...metricsRoutes,
  ...openRoutes,
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
