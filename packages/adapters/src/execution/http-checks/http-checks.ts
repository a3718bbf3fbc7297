import { randomBytes } from 'node:crypto';
import { type VerificationContent, verification as verificationKind } from '@headgate/documents/kinds/verification';
import type { CheckContext, CheckResult, Checks } from '@headgate/execution';
import { z } from 'zod';
import { readSecret } from '../../machine/durable-file.ts';
import { checkPass } from '../router/check-pass.ts';
import { Pace } from './pace.ts';
import { runWorkflow } from './workflow-runner.ts';

export interface HttpChecksConfig {
  /** The cell's router: `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** 0600, JSON: token by tenant. Read anew for each run, so that tokens can be changed. */
  readonly tenantTokensFile: string | undefined;
  /** The router's admin token, which opens the door of a tenant that is held; without one, checks knock like customers. */
  readonly routerTokenFile?: string;
  /** The host that names a tenant, where the router knows tenants by it. */
  hostOf?(tenant: string): string;
  /** The tenant's database, where it has one of its own and protocols name it. */
  databaseOf?(tenant: string): string;
}

const Tokens = z.record(z.string(), z.string());

/** Business transactions as Verification documents describe them. */
export class HttpChecks implements Checks {
  private readonly config: HttpChecksConfig;
  /** The last document, as parsed: a soak runs the same one hundreds of times. */
  private parsed: { readonly from: unknown; readonly content: VerificationContent } | undefined;

  constructor(config: HttpChecksConfig) {
    this.config = config;
  }

  async run(
    verification: unknown,
    tenant: string,
    slot: string,
    ctx: Pick<CheckContext, 'signal' | 'busyAtMostPercent'>,
  ): Promise<CheckResult> {
    const { spec } = this.read(verification);
    const token = await this.token(tenant);
    const database = this.config.databaseOf?.(tenant) ?? tenant;
    const inputs = { tenant, database, slot, run: randomBytes(6).toString('hex') };
    const pass = await this.pass();
    const pace = new Pace(() => Math.min(spec.busyAtMostPercent ?? 100, ctx.busyAtMostPercent?.() ?? 100));
    let passed = 0;
    for (const workflow of spec.workflows) {
      const failure = await runWorkflow(workflow, {
        baseUrl: this.config.baseUrl,
        token,
        pass,
        host: this.config.hostOf?.(tenant),
        inputs,
        requestTimeoutMs: spec.requestTimeoutMs,
        pace,
        signal: ctx.signal,
      });
      if (failure) {
        const { step, why, since } = failure;
        return { ok: false, passed, check: `${workflow.workflowId}/${step}`, why, since, at: Date.now() };
      }
      passed++;
    }
    return { ok: true, passed };
  }

  private read(verification: unknown): VerificationContent {
    if (this.parsed && this.parsed.from === verification) return this.parsed.content;
    const read = verificationKind.document.safeParse(verification);
    if (!read.success) throw new Error(`The verification isn't one: ${z.prettifyError(read.error).slice(0, 1_000)}`);
    const content = read.data as VerificationContent;
    this.parsed = { from: verification, content };
    return content;
  }

  private async pass(): Promise<string | undefined> {
    const { routerTokenFile } = this.config;
    return routerTokenFile === undefined ? undefined : checkPass(await readSecret(routerTokenFile));
  }

  private async token(tenant: string): Promise<string | undefined> {
    if (this.config.tenantTokensFile === undefined) return undefined;
    const read = Tokens.safeParse(JSON.parse(await readSecret(this.config.tenantTokensFile)));
    if (!read.success) throw new Error(`${this.config.tenantTokensFile} doesn't hold a token by tenant`);
    const token = Object.hasOwn(read.data, tenant) ? read.data[tenant] : undefined;
    if (token === undefined) throw new Error(`${this.config.tenantTokensFile} has no token for the tenant ${tenant}`);
    return token;
  }
}
