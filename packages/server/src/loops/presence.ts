/**
 * A server says every few seconds that it is there, which version it is and what it knows, and hears who else is. By that
 * people see an upgrade's progress, a step that takes something away waits for older servers to be gone, and a server that
 * was left behind (it slept through all of it) stops writing.
 */
import { type Company, HOLDS_MS, type ServerPresence, type Servers } from '@headgate/adapters/control/postgres/index';
import { StoreUnavailable } from '@headgate/control';

export const PRESENCE_MS = 2_000;

export class Presence {
  readonly #servers: Servers;
  readonly #self: ServerPresence;
  #company: Company | undefined;
  #heldUntil = 0;
  #beating: Promise<void> | undefined;

  constructor(servers: Servers, self: ServerPresence) {
    this.#servers = servers;
    this.#self = self;
  }

  /** One round: says that we are there. */
  async round(): Promise<boolean> {
    await this.#beat();
    return false;
  }

  /**
   * Resolves while we may write: we said lately that we are there, and nothing was taken away from us. Throws
   * StoreUnavailable when it was.
   */
  async holds(): Promise<void> {
    if (performance.now() >= this.#heldUntil) await this.#beat();
    const behind = this.behind;
    if (behind !== '') throw new StoreUnavailable(behind);
  }

  /** Why this server may not go on; empty when it may. */
  get behind(): string {
    const { oldest = 0 } = this.#company ?? {};
    const { knows, version } = this.#self;
    if (knows >= oldest) return '';
    return `the database was brought to where Headgate ${version} can't follow: it takes ${oldest} migrations, and this one knows ${knows}; start a newer one`;
  }

  /** Who is there, and what is left to whom, in words for people. */
  get told(): string {
    if (this.#company === undefined) return '';
    const { servers, applied, newerRows } = this.#company;
    const versions = [...Map.groupBy(servers, ({ version }) => version)].map(
      ([version, all]) => `${all.length} of ${version}`,
    );
    const newer = applied > this.#self.knows ? `; the database is newer than this server (${this.#self.version})` : '';
    const left = newerRows > 0 ? `; ${newerRows} rows of a newer version are left to it` : '';
    return `servers: ${versions.sort().join(', ')}${newer}${left}`;
  }

  /** Says goodbye, as well as it goes. */
  async leave(): Promise<void> {
    await this.#beating?.catch(() => {});
    await this.#servers.leave(this.#self.id).catch(() => {});
  }

  /** Several that ask at once ask once. */
  #beat(): Promise<void> {
    this.#beating ??= this.#ask().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  async #ask(): Promise<void> {
    const askedAt = performance.now();
    this.#company = await this.#servers.beat(this.#self);
    this.#heldUntil = askedAt + HOLDS_MS;
  }
}
