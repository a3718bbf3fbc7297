/** What applications, environments, cells and tenants are named (RFC 1123 label). */
export const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
