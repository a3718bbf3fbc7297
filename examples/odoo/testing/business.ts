/** For tests only: verifications as they stand in files, and one workflow of them at a time. */
import { readFile } from 'node:fs/promises';
import { HttpChecks } from '@headgate/adapters/execution/http-checks/http-checks';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import { readYaml } from '@headgate/documents/yaml/read-yaml';
import type { CheckResult } from '@headgate/execution';

/** The example's own verification: with its module's approval. */
export const OWN = new URL('../headgate/verification.yaml', import.meta.url);
/** The adapter's, which needs nothing but Odoo's modules. */
export const PROFESSIONAL_SERVICES = new URL(
  '../../../packages/adapters/src/execution/odoo/business/professional-services.yaml',
  import.meta.url,
);

export async function verificationIn(file: URL): Promise<VerificationContent> {
  const read = readYaml(await readFile(file, 'utf8'), file.pathname);
  if (!read.ok) throw new Error(`${file.pathname} isn't YAML`);
  return read.documents[0]!.value as VerificationContent;
}

/** Runs each workflow of a verification by itself, so that each has to find out what is wrong. */
export async function eachWorkflow(
  verification: VerificationContent,
  checks: { readonly url: string; readonly tokens: string; readonly hostOf?: (tenant: string) => string },
  tenant: string,
): Promise<ReadonlyMap<string, CheckResult>> {
  const { url: baseUrl, tokens: tenantTokensFile, ...more } = checks;
  const http = new HttpChecks({ baseUrl, tenantTokensFile, ...more });
  const results = new Map<string, CheckResult>();
  for (const workflow of verification.spec.workflows) {
    const alone = { ...verification, spec: { ...verification.spec, workflows: [workflow] } };
    results.set(workflow.workflowId, await http.run(alone, tenant, 'any', { signal: new AbortController().signal }));
  }
  return results;
}
