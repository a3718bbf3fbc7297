/** A document as text that reads as the same document again. */
import { stringify } from 'yaml';

/** YAML of a document's content, in the order of its fields as people write them; ends with a newline. */
export function documentYaml(content: unknown): string {
  const { apiVersion, kind, metadata, ...rest } = content as Readonly<Record<string, unknown>>;
  // As the reader takes it: plain data, nothing by reference, no line broken in the midst of a text.
  return stringify(
    { apiVersion, kind, metadata, ...rest },
    { schema: 'core', aliasDuplicateObjects: false, lineWidth: 0 },
  );
}
