/** Whether a function in PL/pgSQL, run before a row is written, certainly keeps it from being so: all that it returns is null. */
import type { TriggerEvent } from '../catalogue/catalogue.ts';
import { parseBody } from '../parse/parser.ts';

const read = new Map<string, ReadonlySet<string> | undefined>();

/** The events of rows that it drops; none: it may let rows by. `source`: its CREATE FUNCTION. */
export function dropsRowsOf(source: string, events: readonly TriggerEvent[]): readonly TriggerEvent[] {
  const returned = returnedBy(source);
  if (returned === undefined || returned.size === 0) return [];
  return events.filter((event) => {
    // There is no old row of an INSERT, and no new one of a DELETE; an UPDATE that returns the old one changes nothing.
    const nothing = event === 'insert' ? ['null', 'old'] : event === 'delete' ? ['null', 'new'] : ['null', 'old'];
    return event !== 'truncate' && [...returned].every((each) => nothing.includes(each));
  });
}

/** What it returns, in small letters; `undefined`: its body can't be read. */
function returnedBy(source: string): ReadonlySet<string> | undefined {
  if (read.has(source)) return read.get(source);
  const tree = parseBody(source);
  const found = tree === undefined ? undefined : new Set<string>();
  if (found !== undefined) collect(tree, found);
  // A database has as many functions as people wrote; a file of hostile ones must not fill the memory.
  if (read.size < 1_000) read.set(source, found);
  return found;
}

/** `rows`: the numbers of the variables NEW and OLD. */
function collect(value: unknown, found: Set<string>, rows: ReadonlyMap<number, string> = new Map()): void {
  if (Array.isArray(value)) for (const each of value) collect(each, found, rows);
  else if (typeof value === 'object' && value !== null)
    for (const [key, content] of Object.entries(value)) {
      if (key === 'PLpgSQL_function') collect(content, found, variablesOf(content));
      else if (key === 'PLpgSQL_stmt_return') {
        const { lineno, retvarno = -1, expr } = content as Return;
        // One that nobody wrote stands at the end of each body, and is an error when it comes to it.
        if (lineno === undefined) continue;
        const text = expr?.PLpgSQL_expr?.query ?? rows.get(retvarno) ?? 'something';
        found.add(text.replace(/[()\s;]|::\w+/g, '').toLowerCase());
      } else collect(content, found, rows);
    }
}

interface Return {
  readonly lineno?: number;
  readonly retvarno?: number;
  readonly expr?: { readonly PLpgSQL_expr?: { readonly query?: string } };
}

function variablesOf(made: unknown): ReadonlyMap<number, string> {
  const { new_varno: of = 0, old_varno: old = 0 } = made as {
    readonly new_varno?: number;
    readonly old_varno?: number;
  };
  return of === old
    ? new Map()
    : new Map([
        [of, 'new'],
        [old, 'old'],
      ]);
}
