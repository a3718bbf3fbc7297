/**
 * Business transactions over HTTP, as a Verification document describes them (after Arazzo's workflows): requests in
 * order, what makes each a success, what later ones take from it, when to try again. They go through the cell's router
 * like any customer's, with the tenant's own token, which the document never sees.
 *
 * Why a runner of our own: @redocly/respect-core takes 118 MB and half a second to load, polls in whole seconds and
 * wants its documents as files with OpenAPI descriptions beside them.
 */
export * from './http-checks.ts';
