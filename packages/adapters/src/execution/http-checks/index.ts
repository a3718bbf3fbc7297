/**
 * Business transactions over HTTP, as a Verification document describes them (after Arazzo's workflows): requests in
 * order, what makes each a success, what later ones take from it, when to try again. They go through the cell's router
 * like any customer's, with the tenant's own token, which the document never sees.
 * A step may speak XML-RPC instead of JSON: its parameters and its answer are the same plain data (`xml-rpc-call`). There
 * the key is a parameter, so a document may name it, in that one place; no message ever holds it.
 *
 * Why a runner of our own: @redocly/respect-core takes 118 MB and half a second to load, polls in whole seconds and
 * wants its documents as files with OpenAPI descriptions beside them.
 */
export * from './http-checks.ts';
