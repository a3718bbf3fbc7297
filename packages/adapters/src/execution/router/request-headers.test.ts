import { describe, expect, it } from 'vitest';
import { toSlot } from './request-headers.ts';

const ARRIVAL = { host: 'ACME.Example.org:8080', address: '203.0.113.7', encrypted: false };
const HEADER = { name: 'x-database', values: { acme: 'acme_1' }, withBearerOnly: true };
const sent = (headers: Record<string, unknown>, tenant = 'acme', header: typeof HEADER | null = HEADER) =>
  toSlot<Record<string, unknown>>(headers, tenant, header, ARRIVAL);

describe('what a slot is told of where a request came from', () => {
  it('is what we know ourselves, whatever the request said', () => {
    const claims = {
      'x-forwarded-for': '6.6.6.6',
      'X-Forwarded-Host': ['evil.example', 'other.example'],
      x_forwarded_proto: 'https',
      'x-forwarded-port': '1',
      Forwarded: 'for=6.6.6.6;host=evil.example',
      accept: '*/*',
    };
    expect(sent(claims)).toEqual({
      accept: '*/*',
      'x-forwarded-host': 'acme.example.org:8080',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'http',
    });
  });

  it('holds no other path than the one that it was judged by', () => {
    const claims = {
      'X-Original-URL': '/a',
      x_rewrite_url: '/a',
      SCRIPT_NAME: '/a',
      'x-script-name': '/a',
      path_info: '/a',
    };
    expect(Object.values(sent(claims))).not.toContain('/a');
  });

  it('says so when the connection was encrypted', () => {
    expect(toSlot<Record<string, unknown>>({}, 'acme', null, { ...ARRIVAL, encrypted: true })).toMatchObject({
      'x-forwarded-proto': 'https',
    });
  });
});

describe('a header about the tenant that is for bearers of a token alone', () => {
  it.each(['Bearer abc', 'bearer abc', 'BEARER\tabc'])('is there with "%s"', (authorization) => {
    expect(sent({ authorization, 'x-database': 'other' })).toMatchObject({ 'x-database': 'acme_1' });
  });

  it.each([undefined, 'Basic abc', 'Bearerabc', 'x Bearer abc'])('is taken away with "%s"', (authorization) => {
    expect(sent({ authorization, 'x-database': 'other', X_Database: 'other' })).not.toHaveProperty('x-database');
    expect(sent({ authorization, X_Database: 'other' })).not.toHaveProperty('X_Database');
  });

  it('isn’t there of a tenant that nothing is known of', () => {
    expect(sent({ authorization: 'Bearer x', 'x-database': 'other' }, '__proto__')).not.toHaveProperty('x-database');
  });
});
