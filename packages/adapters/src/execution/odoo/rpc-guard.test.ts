import { encodeCall } from '@headgate/documents/xml-rpc/index';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseForeignDatabase } from './rpc-guard.ts';

const guard = (target: string, body: string | Buffer | undefined, headers: Record<string, string> = {}) =>
  refuseForeignDatabase({
    target,
    headers,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    tenantValue: 'aspen',
  })?.title ?? 'passes';
const OBJECT = '/xmlrpc/2/object';
const COMMON = '/xmlrpc/2/common';
const xml = (method: string, ...params: unknown[]) => encodeCall(method, params as never);
const json = (service: string, method: string, args: unknown) =>
  JSON.stringify({ jsonrpc: '2.0', method: 'call', params: { service, method, args }, id: 1 });

describe('a call by XML-RPC', () => {
  it('passes when it names the host’s database, as clients write it', () => {
    expect(guard(OBJECT, xml('execute_kw', 'aspen', 2, 'key', 'res.partner', 'create', [[{}]]))).toBe('passes');
    expect(guard('/xmlrpc/object', xml('execute', 'aspen', 2, 'key'))).toBe('passes');
    for (const method of ['login', 'authenticate'])
      expect(guard(COMMON, xml(method, 'aspen', 'a', 'b'))).toBe('passes');
    for (const body of [
      `<?xml version='1.0'?>\n<methodCall>\n<methodName>execute_kw</methodName>\n<params>\n<param>\n<value><string>aspen</string></value>\n</param>\n</params>\n</methodCall>\n`,
      '<?xml version="1.0" encoding="iso-8859-1"?><methodCall><methodName>execute</methodName><params><param><value>aspen</value></param></params></methodCall>',
      '<methodCall xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"><methodName>execute</methodName><params><param> <value> <string>aspen</string> </value></param></params></methodCall>',
    ])
      expect({ body, is: guard(OBJECT, body) }).toEqual({ body, is: 'passes' });
  });

  it('is refused when it names another', () => {
    expect(guard(OBJECT, xml('execute_kw', 'cedar', 2, 'key'))).toBe('Another database');
    expect(guard(COMMON, xml('authenticate', 'cedar', 'a', 'b', {}))).toBe('Another database');
    expect(guard(OBJECT, xml('execute_kw', ' aspen', 2, 'key'))).toBe('Another database');
  });

  it('asks for the version without a database, and for nothing else', () => {
    expect(guard(COMMON, xml('version'))).toBe('passes');
    expect(guard(COMMON, '<methodCall><methodName>version</methodName></methodCall>')).toBe('passes');
    expect(guard(OBJECT, xml('version'))).toBe('Unreadable call');
    expect(guard(COMMON, xml('login'))).toBe('Unreadable call');
    const renamed = xml('version').replace(
      '</methodCall>',
      '<methodName>login</methodName><string>cedar</string></methodCall>',
    );
    expect(guard(COMMON, renamed)).toBe('Unreadable call');
  });

  it.each([
    [
      'a value before the params',
      '<methodCall><string>cedar</string><methodName>execute</methodName><params><param><value>aspen</value></param></params></methodCall>',
    ],
    [
      'a value before the first param',
      '<methodCall><methodName>execute</methodName><params><string>cedar</string><param><value>aspen</value></param></params></methodCall>',
    ],
    ['a list first', xml('execute', ['aspen'])],
    [
      'a document type',
      '<!DOCTYPE m [<!ENTITY d "cedar">]><methodCall><methodName>execute</methodName><params><param><value>&d;</value></param></params></methodCall>',
    ],
    ['a reference', xml('execute', 'aspen').replace('aspen', '&#99;edar')],
    ['a comment within', xml('execute', 'aspen').replace('aspen', 'a<!-- -->spen')],
    [
      'another encoding',
      `<?xml version="1.0" encoding="utf-7"?>${'<methodCall><methodName>execute</methodName><params><param><value>aspen</value></param></params></methodCall>'}`,
    ],
    ['no call', 'aspen'],
  ])('that begins with %s is refused', (_, body) => {
    expect(guard(OBJECT, body)).toBe('Unreadable call');
  });

  it('in UTF-16 or compressed is refused', () => {
    expect(guard(OBJECT, Buffer.from(`\ufeff${xml('execute', 'aspen')}`, 'utf16le'))).toBe('Unreadable call');
    expect(guard(OBJECT, xml('execute', 'aspen'), { 'content-encoding': 'gzip' })).toBe('Unreadable call');
    expect(guard(OBJECT, undefined)).toBe('Unreadable call');
  });

  it('of 100 MB is read at its beginning alone', () => {
    const whole = xml('execute_kw', 'aspen', 2, 'key').replace('</methodCall>', '');
    const large = Buffer.concat([Buffer.from(whole), Buffer.alloc(100_000_000, ' ')]);
    const from = performance.now();
    expect(guard(OBJECT, large)).toBe('passes');
    expect(performance.now() - from).toBeLessThan(100);
  });
});

describe('wherever Odoo’s own routing finds its RPC', () => {
  it.each([
    '/xmlrpc/2/object?x=1',
    '//xmlrpc/2//object/',
    '/%78mlrpc/2/object',
    '/xmlrpc%2f2/object',
    '/de/xmlrpc/2/object',
    '/fr_FR/xmlrpc/object',
  ])('%s is guarded', (target) => {
    expect(guard(target, xml('execute', 'cedar'))).toBe('Another database');
  });

  it.each(['/xmlrpc/2/db', '/xmlrpc/db', '/xmlrpc/2/report', '/xmlrpc', '/xmlrpc/2/object/x', '/jsonrpc/x'])(
    '%s is refused',
    (target) => {
      expect(guard(target, xml('list'))).toBe('Unreadable call');
    },
  );

  it.each(['/json/2/res.partner/read', '/web/login', '/', '/web/content/xmlrpc.txt'])('%s is let through', (target) => {
    expect(guard(target, undefined)).toBe('passes');
  });
});

describe('a call by JSON-RPC', () => {
  const at = (body: string) => guard('/jsonrpc', body);

  it('passes when it names the host’s database, and for the version', () => {
    expect(at(json('object', 'execute_kw', ['aspen', 2, 'key', 'res.partner', 'create', [[{ a: '"]}\\' }]]]))).toBe(
      'passes',
    );
    expect(at(json('common', 'login', ['aspen', 'a', 'b']))).toBe('passes');
    expect(at(json('common', 'version', []))).toBe('passes');
    expect(at('{"params":{"args":["\\u0061spen"],"method":"execute","service":"object"}}')).toBe('passes');
  });

  it('is refused when it names another, or a service of databases', () => {
    expect(at(json('object', 'execute_kw', ['cedar', 2, 'key']))).toBe('Another database');
    expect(at(json('common', 'authenticate', ['cedar', 'a', 'b', {}]))).toBe('Another database');
    expect(at(json('db', 'list', []))).toBe('Unreadable call');
    expect(at(json('db', 'dump', ['aspen']))).toBe('Unreadable call');
    expect(at(json('object', 'version', []))).toBe('Unreadable call');
  });

  it.each([
    ['params twice', `{"params":{"service":"object","args":["aspen"]},"params":{"service":"object","args":["cedar"]}}`],
    ['args twice', `{"params":{"service":"object","args":["aspen"],"args":["cedar"]}}`],
    ['args twice, once disguised', `{"params":{"service":"object","args":["aspen"],"\\u0061rgs":["cedar"]}}`],
    ['params as pairs', `{"params":[["service","object"],["args",["aspen"]]]}`],
    ['args as an object', json('object', 'execute', { aspen: 1 })],
    ['args as text', json('object', 'execute', 'aspen')],
    ['a list as database', json('object', 'execute', [['aspen']])],
    ['several calls', `[${json('object', 'execute', ['aspen'])}]`],
    ['no end', json('object', 'execute', ['aspen']).slice(0, -3)],
    ['nothing', ''],
  ])('with %s is refused', (_, body) => {
    expect(at(body)).toBe('Unreadable call');
  });

  it('is read as JSON is, whatever else is in it', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.constantFrom('aspen', 'cedar'), fc.nat(3), (other, text, name, spaces) => {
        const params = {
          [`x${text}`]: JSON.parse(other),
          service: 'object',
          method: text,
          args: [name, JSON.parse(other), text],
        };
        const body = JSON.stringify({ [`y${text}`]: JSON.parse(other), params, id: text }, undefined, spaces);
        expect(at(body)).toBe(name === 'aspen' ? 'passes' : 'Another database');
      }),
    );
  });

  it('of 100 MB is looked through in bounded time', () => {
    const body = json('object', 'execute', ['aspen', '['.repeat(1_000_000), 'A'.repeat(100_000_000)]);
    const from = performance.now();
    expect(at(body)).toBe('passes');
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
