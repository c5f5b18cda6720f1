/**
 * Schemas as they are listed: what a model needs in order to call a tool, in few tokens, since each conversation begins
 * with all of them. Guarantees: a value that the whole schema accepts is accepted by the brief one; a schema that
 * occurs twice is in `$defs` where that is shorter.
 */
import type { Properties, Schema } from "./schema.js";
import type { ObjectSchema } from "./tool.js";

/** A reference takes more than a schema of this many characters. */
const LEAST_SHARED = 60;

/** Without the bounds of lengths and numbers: an error says which one was overstepped. */
export function briefInput({ properties = {}, ...schema }: ObjectSchema): ObjectSchema {
  return shared({ ...schema, properties: mapped(properties, inputPart) });
}

/** All members of the object itself; of those within it only what is always there. */
export function briefOutput({ properties = {}, required }: ObjectSchema): ObjectSchema {
  return shared({ type: "object", properties: mapped(properties, outputPart), ...(required && { required }) });
}

function inputPart(schema: Schema): Schema {
  const { minLength: _1, maxLength: _2, maxItems: _3, minimum: _4, maximum: _5, ...kept } = schema;
  const { properties, items } = kept;
  return {
    ...kept,
    ...(properties && { properties: mapped(properties, inputPart) }),
    ...(items && { items: inputPart(items) }),
  };
}

function outputPart({ type, properties = {}, required = [], items }: Schema): Schema {
  if (type === "array") return items?.type === undefined ? { type } : { type, items: outputPart(items) };
  if (type !== "object") return type === undefined ? {} : { type };
  if (required.length === 0) return { type };
  const always = required.flatMap((name) =>
    Object.hasOwn(properties, name) ? [[name, properties[name]] as const] : [],
  );
  return { type, properties: mapped(Object.fromEntries(always), outputPart), required };
}

function mapped(properties: Properties, change: (schema: Schema) => Schema): Properties {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, change(schema)] as const));
}

/** The same schema with what it has twice in one place. */
function shared(schema: ObjectSchema): ObjectSchema {
  const counts = new Map<string, number>();
  count(schema, counts);
  const names = new Map<string, string>();
  for (const [text, times] of counts) {
    if (times > 1 && text.length >= LEAST_SHARED) names.set(text, nameOf(names.size));
  }
  if (names.size === 0) return schema;
  const $defs: { [name: string]: Schema } = {};
  for (const [text, name] of names) $defs[name] = JSON.parse(text);
  return { ...schema, properties: mapped(schema.properties ?? {}, (inner) => referring(inner, names)), $defs };
}

/** How often each object schema occurs. */
function count({ properties = {}, items }: Schema, counts: Map<string, number>): void {
  const inner = [...Object.values(properties), ...(items === undefined ? [] : [items])];
  for (const schema of inner) {
    if (schema.type === "object") {
      const text = JSON.stringify(schema);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    count(schema, counts);
  }
}

function referring(schema: Schema, names: ReadonlyMap<string, string>): Schema {
  const name = names.get(JSON.stringify(schema));
  if (name !== undefined) return { $ref: `#/$defs/${name}` };
  const { properties, items } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapped(properties, (inner) => referring(inner, names)) }),
    ...(items && { items: referring(items, names) }),
  };
}

function nameOf(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
}
