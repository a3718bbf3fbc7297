/** Secrets by reference. What they say appears in no error: only their names do. */
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';

export type SecretReference = { readonly env: string } | { readonly file: string };

/** A secret that can't be had; a later attempt may find it. */
export class SecretMissing extends Error {}

const PREFIX = 'HEADGATE_NOTIFY_';
const MOST_BYTES = 8_192;

export class Secrets {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** `folder` need not be there when no reference names a file. */
  constructor(folder: string, env: Readonly<Record<string, string | undefined>>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** The secret, without the line's end behind it. Read each time, so that a new one counts at once. */
  async read(reference: SecretReference): Promise<string> {
    const found = 'env' in reference ? this.#variable(reference.env) : await this.#file(reference.file);
    if (found === '') throw new SecretMissing(`the secret ${nameOf(reference)} is empty`);
    return found;
  }

  /**
   * A secret that is said to whoever is called, and only where the operator wrote beside it for which hosts it is: whoever may
   * apply documents chooses the host, and would be told it. `NAME_FOR`, or a file of that name with `.for` behind it, holds
   * hosts, with or without a port, separated by commas or white space.
   */
  async readFor(reference: SecretReference, host: string, port: number): Promise<string> {
    const secret = await this.read(reference);
    const beside = 'env' in reference ? { env: `${reference.env}_FOR` } : { file: `${reference.file}.for` };
    const hosts = await this.read(beside).catch(() => '');
    const said = hosts.toLowerCase().split(/[\s,]+/);
    const asked = host.toLowerCase();
    if (said.includes(asked) || said.includes(`${asked}:${port}`)) return secret;
    throw new SecretMissing(
      `the secret ${nameOf(reference)} isn't for ${host}:${port}; where the server runs, write ${host} into ${'env' in reference ? `the environment variable ${beside.env}` : `the file ${beside.file} beside it`}`,
    );
  }

  #variable(name: string): string {
    const value = name.startsWith(PREFIX) ? this.#env[name] : undefined;
    if (value === undefined) throw new SecretMissing(`the environment variable ${name} isn't set`);
    return value.trim();
  }

  async #file(path: string): Promise<string> {
    const missing = new SecretMissing(`the secret's file ${path} can't be read below the folder for such secrets`);
    const root = await realpath(this.#folder).catch(() => undefined);
    if (root === undefined) throw missing;
    // After links are followed: one that leads out of the folder is no secret of ours.
    const real = await realpath(resolve(root, path)).catch(() => undefined);
    const inside = real === undefined ? '..' : relative(root, real);
    if (real === undefined || inside.startsWith('..') || isAbsolute(inside)) throw missing;
    const file = await open(real, 'r').catch(() => undefined);
    if (file === undefined) throw missing;
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead).trim();
    } catch {
      throw missing;
    } finally {
      await file.close();
    }
  }
}

function nameOf(reference: SecretReference): string {
  return 'env' in reference ? reference.env : reference.file;
}
