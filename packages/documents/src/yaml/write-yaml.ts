/** A document as text that reads as the same document again. */
import { Document, Scalar, visit } from 'yaml';

/** YAML of a document's content, in the order of its fields as people write them; ends with a newline. */
export function documentYaml(content: unknown): string {
  const { apiVersion, kind, metadata, ...rest } = inOrder(content) as Readonly<Record<string, unknown>>;
  // As the reader takes it: plain data, nothing by reference, no line broken in the midst of a text.
  const document = new Document(
    { apiVersion, kind, metadata, ...rest },
    { schema: 'core', aliasDuplicateObjects: false },
  );
  visit(document, {
    Scalar(_key, scalar) {
      // In a block nobody sees where blanks begin and end, and of blanks alone a reader can't tell how deep it stands.
      if (typeof scalar.value === 'string' && /^\s*$|^[ \t\n]/.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** What a mapping is called by stands first, as people write it; the canonical form, which is stored, has the alphabet's order. */
const FIRST = ['name', 'gate', 'at', 'workflowId', 'stepId'];

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const given = value as Readonly<Record<string, unknown>>;
  const keys = [
    ...FIRST.filter((key) => Object.hasOwn(given, key)),
    ...Object.keys(given).filter((key) => !FIRST.includes(key)),
  ];
  return Object.fromEntries(keys.map((key) => [key, inOrder(given[key])]));
}
