/** What was tried: schema by class, and what became of it. A field without a case in a class that is for it is a hole. */
import { type Field, fieldsOf, type JsonSchema } from './fields.ts';
import { CLASSES, classesFor, type MutationClass } from './mutations.ts';

export type Verdict = 'refused' | 'accepted';

interface Count {
  refused: number;
  accepted: number;
}

export class Coverage {
  readonly #counts = new Map<string, Map<MutationClass, Count>>();
  readonly #tried = new Set<string>();
  readonly #due = new Map<string, { readonly field: Field; readonly classes: readonly MutationClass[] }>();

  /** Every field of a schema has to have its cases from now on. */
  expect(name: string, schema: JsonSchema, part: 'path' | 'query' | 'body' = 'body'): void {
    this.#counts.set(name, this.#counts.get(name) ?? new Map());
    for (const field of fieldsOf(schema)) {
      const key = field.id.endsWith('{key}') ? ({ key: true } as const) : {};
      // An item of a list has no key of its own to be doubled, and neither has a part of a path.
      const classes = classesFor({ ...field, ...key }, part !== 'body').filter(
        (each) => each !== 'duplicate' || (part !== 'path' && !/\]$/.test(field.id)),
      );
      this.#due.set(`${name} ${field.id}`, { field, classes });
    }
  }

  count(name: string, id: string, of: MutationClass, verdict: Verdict): void {
    this.#tried.add(`${name} ${id} ${of}`);
    const row = this.#counts.get(name) ?? new Map<MutationClass, Count>();
    this.#counts.set(name, row);
    const count = row.get(of) ?? { refused: 0, accepted: 0 };
    count[verdict] += 1;
    row.set(of, count);
  }

  /** `body of settleStep result.checks markup`: what had no case. */
  holes(): string[] {
    return [...this.#due].flatMap(([at, { classes }]) =>
      classes.filter((of) => !this.#tried.has(`${at} ${of}`)).map((of) => `${at} ${of}`),
    );
  }

  get fields(): number {
    return this.#due.size;
  }
  get cases(): number {
    return [...this.#counts.values()]
      .flatMap((row) => [...row.values()])
      .reduce((n, c) => n + c.refused + c.accepted, 0);
  }

  /** One line a schema: `refused` of each class, and behind a plus what was accepted by a rule. */
  table(): string {
    const head = ['schema', ...CLASSES];
    const shown = (count: Count | undefined) =>
      count === undefined ? '-' : `${count.refused}${count.accepted > 0 ? `+${count.accepted}` : ''}`;
    const rows = [...this.#counts].map(([name, row]) => [name, ...CLASSES.map((of) => shown(row.get(of)))]);
    const sum = CLASSES.map((of) => {
      const all = [...this.#counts.values()].flatMap((row) => row.get(of) ?? []);
      return shown({ refused: add(all.map((c) => c.refused)), accepted: add(all.map((c) => c.accepted)) });
    });
    const lines = [head, ...rows, ['all', ...sum]];
    const widths = head.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
    return lines
      .map((line) =>
        line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  }
}

const add = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
