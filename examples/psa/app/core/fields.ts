import { badRequest } from './problem.ts';

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The body of a request as an object, with each field read once and refused with its name when it isn't as expected. */
export class Fields {
  readonly #body: Record<string, unknown>;

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw badRequest('the body must be a JSON object');
    this.#body = body as Record<string, unknown>;
  }

  /** Refuses fields that nobody reads: a misspelt discount must not be dropped silently. */
  only(...names: readonly string[]): this {
    const unknown = Object.keys(this.#body).find((name) => !names.includes(name));
    if (unknown !== undefined) throw badRequest(`the field "${unknown}" is not known; expected ${names.join(', ')}`);
    return this;
  }

  text(name: string, maxLength: number): string {
    const value = this.#body[name];
    // NUL is the one character that PostgreSQL text cannot hold.
    if (typeof value !== 'string' || value.length === 0 || value.length > maxLength || value.includes('\0')) {
      throw badRequest(`"${name}" must be a text of 1 to ${maxLength} characters`);
    }
    return value;
  }

  optionalText(name: string, maxLength: number): string | undefined {
    return this.#body[name] === undefined ? undefined : this.text(name, maxLength);
  }

  integer(name: string, min: number, max: number): number {
    const value = this.#body[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw badRequest(`"${name}" must be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    return this.#body[name] === undefined ? undefined : this.integer(name, min, max);
  }

  /** A calendar day, `2026-02-28`. */
  day(name: string): string {
    const value = this.text(name, 10);
    const parsed = new Date(`${value}T00:00:00Z`);
    if (!DAY.test(value) || Number.isNaN(parsed.valueOf()) || parsed.toISOString().slice(0, 10) !== value) {
      throw badRequest(`"${name}" must be a day, such as 2026-02-28`);
    }
    return value;
  }
}
