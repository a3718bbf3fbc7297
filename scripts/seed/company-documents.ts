/** The documents of a seeded fleet that there is one of, or one an environment. */
export function companyDocuments(environments: number): string {
  const names = Array.from({ length: environments }, (_, i) => `env-${String(i + 1).padStart(2, '0')}`);
  const documents = [
    `kind: Application
metadata: {name: psa, owner: seed}
spec:
  tenancy: rows
  components: [{name: web, role: web, recovery: stateless}]
  pipeline: [${names.join(', ')}]
  rings: [{name: pilot, soakMs: 0}, {name: broad, soakMs: 0}]
  verification: psa-works`,
    `kind: Verification
metadata: {name: psa-works, owner: seed}
spec:
  workflows:
    - workflowId: alive
      steps:
        - stepId: ask
          request: {method: GET, path: /healthz}
          successCriteria: [{condition: "$statusCode == 200"}]`,
    `kind: Policy
metadata: {name: careful, owner: seed}
spec:
  gates: [{gate: signature}, {gate: approval, params: {count: 1}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}`,
    ...names.map(
      (name) => `kind: Environment
metadata: {name: ${name}, owner: seed}
spec: {application: psa, policy: careful, calendars: [], agent: agt-seed}`,
    ),
  ];
  return documents.map((text) => `apiVersion: headgate/v1\n${text}\n`).join('---\n');
}
