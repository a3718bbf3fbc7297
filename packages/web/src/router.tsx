import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { CellPage } from './pages/cell/cell-page.tsx';
import { Freezes } from './pages/freezes/freezes.tsx';
import { IncidentPage } from './pages/incident/incident-page.tsx';
import { LogPage } from './pages/log/log-page.tsx';
import { Overview } from './pages/overview/overview.tsx';
import { PromotionPage } from './pages/promotion/promotion-page.tsx';
import { Promotions } from './pages/promotions/promotions.tsx';
import { Releases } from './pages/releases/releases.tsx';
import { Broken, NoSuchPage } from './shell/no-such-page.tsx';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: NoSuchPage, errorComponent: Broken });
const at = <P extends string>(path: P, component: () => React.ReactNode) =>
  createRoute({ getParentRoute: () => root, path, component });

const overview = at('/', Overview);
const incident = at('/incident', IncidentPage);
const promotions = at('/promotions', Promotions);
const releases = at('/releases', Releases);
const freezes = at('/freezes', Freezes);
const log = at('/log', LogPage);
const promotion = createRoute({
  getParentRoute: () => root,
  path: '/promotions/$promotion',
  component: () => {
    const { promotion: id } = promotion.useParams();
    return <PromotionPage key={id} id={id} />;
  },
});
const cell = createRoute({
  getParentRoute: () => root,
  path: '/cells/$cell',
  component: () => {
    const { cell: name } = cell.useParams();
    return <CellPage key={name} name={name} />;
  },
});

/** Every page by its address. The server knows the same addresses (its `page/page.ts`): a new one is a line in each. */
export const router = createRouter({
  routeTree: root.addChildren([overview, incident, promotions, promotion, cell, releases, freezes, log]),
  defaultPreload: false,
  scrollRestoration: false,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
