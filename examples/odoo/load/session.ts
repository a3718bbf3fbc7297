import { readFileSync } from 'node:fs';
import type http from 'node:http';
import { type Answered, type OdooRequest, odooRequest } from './odoo-client.ts';

/** What a person types at the login page. */
export interface Person {
  readonly login: string;
  readonly password: string;
}

/** Of each tenant, who logs in; the file is JSON, and 0600. */
export function peopleIn(file: string): Readonly<Record<string, Person>> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Person>;
}

/** Whose browser it is: the router, the tenant's host, and how long an answer may take. */
export type At = Pick<OdooRequest, 'url' | 'host' | 'timeLimitMs'>;

/** A browser that a person logged in with: it has a cookie, and nothing else. Never tries anything again by itself. */
export class Session {
  private readonly agent: http.Agent;
  private readonly at: At;
  private cookie: string | undefined;

  constructor(agent: http.Agent, at: At) {
    this.agent = agent;
    const { url, host, timeLimitMs } = at;
    // A key that came along would make the browser an API client, of whom Odoo keeps no session.
    this.at = { url, host, timeLimitMs };
  }

  /** By the login page's own form: opens it, sends it, and is led to the client. */
  async logIn({ login, password }: Person): Promise<Answered> {
    const page = await this.open('/web/login');
    if (page.kind !== 'ok') return page;
    const token = /csrf_token: "([^"]+)"/.exec(page.text)?.[1];
    if (token === undefined) return { kind: 'failed', why: 'the login page has no CSRF token' };
    const form = { csrf_token: token, login, password, redirect: '/odoo' };
    const sent = await this.send('POST', '/web/login', { form });
    if (sent.kind !== 'ok') return sent;
    return sent.status === 303 ? sent : { kind: 'failed', why: `the login form answers ${sent.status}, not 303` };
  }

  /** The client's own page; who isn't logged in is led away from it, which is a failure. */
  async openClient(): Promise<Answered> {
    const page = await this.open('/odoo');
    if (page.kind !== 'ok') return page;
    return page.status === 200 && page.text.includes('odoo.__session_info__')
      ? page
      : { kind: 'failed', why: `the client's page answers ${page.status} to ${page.location ?? 'nobody'}` };
  }

  /** As the web client calls a model's method. */
  call(model: string, method: string, args: readonly unknown[] = [], kwargs: object = {}): Promise<Answered> {
    const params = { model, method, args, kwargs };
    return this.send('POST', `/web/dataset/call_kw/${model}/${method}`, { body: { jsonrpc: '2.0', params } });
  }

  open(path: string): Promise<Answered> {
    return this.send('GET', path, {});
  }

  async send(
    method: OdooRequest['method'],
    path: string,
    more: Pick<OdooRequest, 'body' | 'form' | 'headers'>,
  ): Promise<Answered> {
    const headers = { ...(this.cookie === undefined ? {} : { cookie: this.cookie }), ...more.headers };
    const answer = await odooRequest(this.agent, { ...this.at, ...more, method, path, headers, redirects: true });
    if (answer.kind === 'ok') this.cookie = answer.cookie ?? this.cookie;
    return answer;
  }

  get loggedInWith(): string | undefined {
    return this.cookie;
  }
}
