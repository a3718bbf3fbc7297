/** A real part that isn't there and can't be got: says which one, why, and how to get it. */
export class MissingPart extends Error {
  readonly part: string;

  constructor(part: string, why: string, how: string) {
    super(`${part} is missing: ${why}. ${how}`);
    this.name = 'MissingPart';
    this.part = part;
  }
}
