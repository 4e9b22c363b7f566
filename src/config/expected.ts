import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What a schema accepts, in words: `a whole number above 0, or null`. */
export function describeExpected(schema: z.ZodType): string {
  return describe(z.toJSONSchema(schema, { io: 'input' }));
}

function describe(schema: JsonSchema): string {
  if (Array.isArray(schema.type)) return joinAlternatives(schema.type.map((type) => describe({ ...schema, type })));
  if (schema.anyOf) return joinAlternatives(schema.anyOf.map((option) => describe(option as JsonSchema)));
  if (schema.enum) return `one of ${schema.enum.map(quote).join(', ')}`;
  if (schema.const !== undefined) return quote(schema.const);
  switch (schema.type) {
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'string':
      return schema.examples ? `a text such as ${schema.examples.map(quote).join(' or ')}` : 'a text';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'array':
      return `a list (each ${describe(schema.items as JsonSchema)})`;
    default:
      return 'another value';
  }
}

function joinAlternatives(options: readonly string[]): string {
  const [last = '', ...others] = [...new Set(options)].reverse();
  return others.length === 0 ? last : `${others.reverse().join(', ')} or ${last}`;
}

function describeRange({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  const upper = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  const lower = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  if (lower !== undefined && upper !== undefined) return ` from ${lower} to ${upper}`;
  const bounds = [
    ...(lower === undefined ? [] : [`of at least ${lower}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(upper === undefined ? [] : [`at most ${upper}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ];
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

function quote(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
