/** A small but whole set of declarations, one of each kind at least; for tests alone. */
export const SAMPLE = `# The system
apiVersion: headgate/v1
kind: Application
metadata: {name: psa, owner: team-psa, labels: {tier: "1"}}
spec:
  tenancy: rows
  tenantKeys: {invoice: tenant_id}
  components:
    - {name: web, role: web, recovery: stateless}
    - {name: worker, role: worker, recovery: stateful}
  pipeline: [staging, production]
  rings:
    - {name: internal, soakMs: 2000}
    - {name: broad, soakMs: 0}
  verification: psa-business
  reconciliation: psa-erp
---
apiVersion: headgate/v1
kind: Environment
metadata: {name: staging, owner: team-psa}
spec: {application: psa, policy: lax, calendars: [always], agent: local}
---
apiVersion: headgate/v1
kind: Environment
metadata: {name: production, owner: team-psa}
spec: {application: psa, policy: strict, calendars: [always], agent: local}
---
apiVersion: headgate/v1
kind: Cell
metadata: {name: prod-shared, owner: team-psa}
spec:
  environment: production
  slots: [blue, green]
  stores:
    - {name: main}
    - {name: own, tenancy: store-per-tenant}
---
apiVersion: headgate/v1
kind: Tenant
metadata: {name: acme, owner: sales}
spec: {cell: prod-shared, store: main, ring: internal}
---
apiVersion: headgate/v1
kind: Tenant
metadata: {name: umbrella, owner: sales}
spec: {cell: prod-shared, store: own, ring: broad, calendar: always}
---
apiVersion: headgate/v1
kind: Calendar
metadata: {name: always, owner: ops}
spec:
  timezone: Europe/Berlin
  windows:
    - {name: day, start: 2026-01-01T00:00, rrule: FREQ=DAILY, durationMinutes: 1500}
    - {name: once, start: 2026-03-01T22:00, end: 2026-03-02T02:30:00}
  freezes:
    - name: peak
      from: 2026-11-27T00:00:00+01:00
      to: 2026-12-01T00:00:00+01:00
      reason: Black Friday
---
apiVersion: headgate/v1
kind: Policy
metadata: {name: lax, owner: ops}
spec:
  gates:
    - gate: signature
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
---
apiVersion: headgate/v1
kind: Policy
metadata: {name: strict, owner: ops}
spec:
  gates:
    - gate: signature
    - gate: tests-passed
      params: {minimum: 3}
    - gate: approval
      params: {count: 1}
    - gate: window
    - gate: restore-point
      at: migrate
      params: {maxAgeMs: 60000}
    - gate: soaked
      params: {environment: staging, durationMs: 1000}
  rollbackScope: ring
  limits:
    latestFinishMs: 3600000
    approvalMs: 3600000
    attempts: 5
    timeoutsMs: {verify: 60000}
  hypercare:
    - {name: first-hour, durationMs: 3600000}
---
apiVersion: headgate/v1
kind: Verification
metadata: {name: psa-business, owner: team-psa}
spec:
  workflows:
    - workflowId: invoice
      steps:
        - stepId: create
          request:
            method: POST
            path: /api/{$inputs.tenant}/entries
            headers: {Idempotency-Key: "{$inputs.run}-entry"}
            body: {minutes: 30, note: "check {$inputs.run}"}
          successCriteria:
            - condition: $statusCode == 201
          outputs: {id: $response.body#/id}
        - stepId: read
          request: {method: GET, path: "/api/entries/{$steps.create.outputs.id}", query: {full: "1"}}
          successCriteria:
            - condition: $statusCode == 200
            - condition: $response.body#/state == 'posted'
            - condition: $response.body#/id == $steps.create.outputs.id
          onFailure:
            - {type: retry, retryAfterMs: 100, retryLimit: 20, criteria: [{condition: $statusCode == 200}]}
---
apiVersion: headgate/v1
kind: Reconciliation
metadata: {name: psa-erp, owner: team-psa}
spec:
  left:
    sql: |
      SELECT tenant_id || '/' || number AS key, tenant_id, number, total_cents, currency, state
      FROM invoice WHERE tenant_id = ANY($1)
  right:
    connection: erp
    path: /ledger/entries?tenant={tenant}
    items: /entries
    paging: {parameter: after, next: /next}
  key: {left: number, right: invoice}
  tenant: {left: tenant_id, right: tenant}
  compare:
    - {name: total, left: total_cents, right: totalCents, as: number}
    - {name: currency, left: currency, right: currency}
  rules:
    - name: never-posted
      when: {side: left-only, left: {state: created}}
      do:
        effect: replay
        sql: INSERT INTO job (tenant_id, kind, payload) VALUES ($1, 'post-invoice', jsonb_build_object('invoice', $2::bigint))
        params: [$tenant, $left.number]
    - name: not-acknowledged
      when: {side: both-agree, left: {state: [created, posted]}}
      do:
        effect: acknowledge
        sql: UPDATE invoice SET state = 'acknowledged', erp_reference = $3 WHERE tenant_id = $1 AND number = $2
        params: [$tenant, $left.number, $right.erpReference]
    - name: amounts-differ
      when: {side: both-differ}
      ask: Which side is right?
---
apiVersion: headgate/v1
kind: Notification
metadata: {name: on-call, owner: team-psa}
spec:
  audience: team
  environments: [production]
  channels:
    - {name: pager, type: webhook, url: "https://pager.example.org/in", secrets: [{env: HEADGATE_NOTIFY_PAGER}]}
---
apiVersion: headgate/v1
kind: Masking
metadata: {name: people, owner: team-psa}
spec:
  key: {env: HEADGATE_MASK_KEY}
  rules:
    - {table: customer, column: email, mask: email}
    - {table: hr.employee, column: born, mask: date, by: id}
---
apiVersion: headgate/v1
kind: TenantRows
metadata: {name: psa, owner: team-psa}
spec:
  values: {int-1: "17"}
  rules:
    - {table: orders, rows: tenant, column: tenant_id, leave: [note]}
    - {table: order_line, rows: through, by: [order_id], of: orders}
    - {table: currency, rows: shared}
`;
