import { z } from 'zod';
import { eventLineSchema } from '../../src/protocol/event-line.ts';
import { diagnosticsSchema, evaluationSchema, jobResultSchema } from '../../src/protocol/run-schema.ts';

type Shape = z.core.JSONSchema.BaseSchema;

const shapeOf = (schema: z.ZodType): Shape => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
const failed = eventLineSchema.options.find(({ shape }) => shape.type.value === 'job-failed');

/** Objects that events hold, which docs/events.md describes once. */
export const namedShapes: ReadonlyMap<string, Shape> = new Map([
  ['evaluation', shapeOf(evaluationSchema)],
  ['diagnostics', shapeOf(diagnosticsSchema)],
  ['result', shapeOf(jobResultSchema)],
  ['error', shapeOf(failed as z.ZodType).properties?.error as Shape],
]);

/** What every event has: docs/events.md says it once. */
const common = ['seq', 'time', 'type', 'job', 'attempt'];

/** Every type of line that `--events` prints, with its fields besides the common ones, as docs/events.md has them. */
export function eventRows(): [type: string, fields: string][] {
  return eventLineSchema.options.map((option) => {
    const shape = shapeOf(option);
    return [option.shape.type.value, fieldsOf(shape, (name) => !common.includes(name))];
  });
}

/** The common fields that a type has. */
export function commonFields(type: string): string[] {
  const option = eventLineSchema.options.find(({ shape }) => shape.type.value === type);
  return Object.keys(option?.shape ?? {}).filter((name) => common.includes(name));
}

/** The fields of an object: `step: integer, hint?: string`. */
export function fieldsOf({ properties = {}, required = [] }: Shape, wanted = (_: string) => true): string {
  return Object.entries(properties)
    .filter(([name]) => wanted(name))
    .map(([name, value]) => `\`${name}${required.includes(name) ? '' : '?'}: ${nameOf(value as Shape)}\``)
    .join(', ');
}

function nameOf(shape: Shape): string {
  for (const [name, { properties }] of namedShapes) {
    if (properties && JSON.stringify(shape.properties) === JSON.stringify(properties)) return name;
  }
  const { type, anyOf, enum: values, const: value, items, properties } = shape;
  if (value !== undefined) return JSON.stringify(value);
  if (values) return values.map((each) => JSON.stringify(each)).join(' or ');
  // A measured number: JSON has no NaN.
  if (anyOf) return anyOf.map((each) => nameOf(each as Shape).replace('any', 'number')).join(' or ');
  if (type === 'array') return `${nameOf(items as Shape)}[]`;
  if (properties) return `{ ${fieldsOf(shape).replaceAll('`', '')} }`;
  return type === undefined ? 'any' : [type].flat().join(' or ');
}
