/**
 * Couriers: webhooks after Standard Webhooks, chats that take incoming webhooks, and mail over SMTP. Each tries once,
 * within ten seconds, and answers with how it ended.
 *
 * Addresses come from documents, so whoever may apply documents could make the server call what only it can reach
 * (`guard.ts`). Public addresses over TLS are allowed; everything else, loopback, private networks, link-local metadata
 * services and plain text, only where the server's own configuration names it. A name is resolved once, all its addresses
 * are judged, and the connection goes to what was judged. Redirects aren't followed, and of an answer only the first
 * bytes are read.
 */
export * from './courier.ts';
export * from './guard.ts';
export * from './secrets.ts';
export * from './standard-webhooks.ts';
