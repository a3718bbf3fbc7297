import { exampleDocuments } from '@headgate/example-psa/documents.ts';

/** The declared documents of the Odoo example. */
export function odooDocuments(): ReturnType<typeof exampleDocuments> {
  return exampleDocuments(new URL('./headgate/', import.meta.url));
}
