/** A small company on a bad night: contacts are declared, a promotion fails its checks half way, a tenant is held. */
import type { Outcome } from '@headgate/contract';
import { type RealServer, until } from './real-server.ts';
import { DOCUMENTS, didIt, SmallCompany } from './small-company.ts';

/** Words that must stand on the screen, and never on the log. */
export const PEOPLE = { onCall: 'Ida Nightwatch', phone: '+44 20 7946 0018', customer: 'Otto of Acme' };

const CONTACTS = `
apiVersion: headgate/v1
kind: Tenant
metadata: {name: acme, owner: sales}
spec:
  cell: live
  store: main
  ring: pilot
  serviceLevel: gold
  contacts: [{name: ${PEOPLE.customer}, role: customer, email: otto@acme.example}]
---
apiVersion: headgate/v1
kind: Tenant
metadata: {name: bolt, owner: sales}
spec: {cell: live, store: main, ring: broad}
`;

const WITH_CONTACTS = DOCUMENTS.replace(
  'spec: {application: shop, policy: careful, calendars: [], agent: agt-shop}',
  `spec:
  application: shop
  policy: careful
  calendars: []
  agent: agt-shop
  contacts:
    - {name: Data Desk, role: data-loss, chat: "#data"}
    - {name: ${PEOPLE.onCall}, role: on-call, phone: "${PEOPLE.phone}", hours: nights}`,
);

export class TroubledCompany {
  readonly company: SmallCompany;
  readonly server: RealServer;
  readonly promotion: string;

  private constructor(company: SmallCompany, promotion: string) {
    this.company = company;
    this.server = company.server;
    this.promotion = promotion;
  }

  /**
   * Founds the company, promotes 2.0.0 to production and lets its second wave's check fail for bolt, while acme is held. Both
   * are routed back, and the rest of the way back is still to be done.
   */
  static async found(server: RealServer): Promise<TroubledCompany> {
    const company = await SmallCompany.found(server);
    const manager = await server.client('release-manager');
    const files = [{ name: 'people.yaml', text: `${WITH_CONTACTS}---${CONTACTS}` }];
    await manager.call('applyDocuments', { body: { files } });
    const runbooks = [{ title: 'Ledger down', url: 'https://runbooks.example/ledger', text: 'Stop the poster first.' }];
    const release = await company.release('2.0.0', { runbooks });
    const developer = await server.client('developer');
    const { id } = await developer.call('requestPromotion', { body: { release, environment: 'production' } });
    const approver = await server.client('approver');
    await until('it waits', async () => (await approver.call('showPromotion', { promotion: id })).phase === 'awaiting');
    const { envelope } = await approver.call('showPromotion', { promotion: id });
    await approver.call('approvePromotion', { promotion: id, body: { envelope } });
    let checks = 0;
    let back = false;
    await company.carryOut(
      async () => back,
      (assignment) => {
        back ||= assignment.course === 'undo' && assignment.action.kind === 'route';
        if (assignment.action.kind !== 'verify' || ++checks < 2) return didIt(assignment);
        const firstFailure = { check: 'post-invoice', tenant: 'bolt', why: 'the ledger said 500', at: Date.now() };
        return {
          kind: 'failed',
          code: 'check-failed',
          why: 'post-invoice failed',
          result: { checks: { passed: 3, failed: 2, firstFailure } },
        } satisfies Outcome;
      },
    );
    const troubled = new TroubledCompany(company, id);
    await troubled.hold(true);
    return troubled;
  }

  /** The agent sees acme held, or not. */
  async hold(held: boolean): Promise<void> {
    const seen = this.company.observation('live', 'production');
    const acme = { slot: 'blue', store: 'main', ring: 'pilot', ...(held && { held: true as const }) };
    await this.company.agent.call('observeCell', {
      cell: 'live',
      body: { ...seen, tenants: { ...seen.tenants, acme } },
    });
  }
}
