/** The OpenAPI 3.1 document, made from the routes. Deterministic: the same routes give the same document. */
import { z } from 'zod';
import { PROBLEM_MEDIA_TYPE, problem } from './problem.ts';
import { headerOf, type Route } from './route.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;

/** Makes the document. `version` is the server's. */
export function openApiDocument(version: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  const schema = (of: z.ZodType) => schemaOf(of, components);
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(operationId, route, schema) };
  }
  schema(problem);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Headgate',
      version,
      description: 'A release control plane. Every refusal is an RFC 9457 problem that says what would unblock it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(Object.values<Route>(routes).map((r) => r.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const PROBLEM = { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };

function operation(operationId: string, route: Route, schema: (of: z.ZodType) => Json): Json {
  const parameters = [
    ...parametersOf(route.params, 'path', schema),
    ...parametersOf(route.query, 'query', schema),
    ...parametersOf(route.headers, 'header', schema),
    ...(operationId === 'requestPromotion'
      ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 200 } }]
      : []),
  ];
  const more = route.twice === undefined ? '' : `\n\nSent twice: ${route.twice}.`;
  const needs = route.needs.length === 0 ? 'No token needed.' : `Takes the right to ${route.needs.join(' or ')}.`;
  return {
    operationId,
    tags: [route.tag],
    summary: route.summary,
    description: needs + more,
    security: route.needs.length === 0 ? [] : [{ token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content:
              route.body === 'octets'
                ? { 'application/octet-stream': {} }
                : { 'application/json': { schema: schema(route.body) } },
          },
        }),
    responses: {
      [String(route.status ?? 200)]: { description: 'Done', content: contentOf(route, schema) },
      // Not as "default", which generated clients take for one more way to succeed.
      '4XX': { description: 'Refused, and why', content: PROBLEM },
      '5XX': { description: 'Not possible now, or a fault of the server', content: PROBLEM },
    },
  };
}

function contentOf({ response }: Route, schema: (of: z.ZodType) => Json): Json {
  if (response === 'octets') return { 'application/octet-stream': {} };
  if (response === 'text') return { 'text/plain': { schema: { type: 'string' } } };
  if (response === 'events') return { 'text/event-stream': { schema: { type: 'string' } } };
  return { 'application/json': { schema: schema(response) } };
}

function parametersOf(
  of: z.ZodObject | undefined,
  place: 'path' | 'query' | 'header',
  schema: (of: z.ZodType) => Json,
): Json[] {
  return Object.entries(of?.shape ?? {}).map(([name, value]) => ({
    name: place === 'header' ? headerOf(name) : name,
    in: place,
    // Whether it may be left out is the object's to say: undefined is not the same.
    required: place === 'path' || !z.object({ [name]: value as z.ZodType }).safeParse({}).success,
    schema: schema(value as z.ZodType),
  }));
}

/** A schema's JSON Schema; the named ones go to `components` and are referred to. */
function schemaOf(of: z.ZodType, components: Json): Json {
  const made = z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' }) as Json;
  const { $schema: _, $defs, ...rest } = moved(made) as Json & { $defs?: Json };
  for (const [id, definition] of Object.entries($defs ?? {})) components[id] = named(definition as Json);
  if (typeof rest.id === 'string') {
    components[rest.id] = named(rest);
    return { $ref: `#/components/schemas/${rest.id}` };
  }
  return rest;
}

function named({ id: _, ...definition }: Json): Json {
  return definition;
}

function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [
      key,
      key === '$ref' && typeof v === 'string' ? v.replace('#/$defs/', '#/components/schemas/') : moved(v),
    ]),
  );
}
