/**
 * The JSON Schemas of the tools, and checking arguments by them. Guarantees: what is accepted has the types that the
 * schema states, without members that it does not know; what is wrong is said in the words of zod 4, one line for each
 * place, because clients of the reference memory server read those.
 */

/** The part of JSON Schema that the tools use. */
export interface Schema {
  readonly $schema?: string;
  readonly type?: "object" | "array" | "string" | "number" | "integer" | "boolean";
  readonly description?: string;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  /** False: unknown members are refused. Otherwise they are left out. */
  readonly additionalProperties?: boolean;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly default?: string | number | boolean;
}

export type JsonObject = { readonly [name: string]: unknown };

/** What a check came to. */
export type Checked = { readonly value: unknown } | { readonly problems: readonly string[] };

/** Reads a value by a schema. */
export function check(schema: Schema, value: unknown): Checked {
  const problems: string[] = [];
  const read = readValue(schema, value, "", problems);
  return problems.length === 0 ? { value: read } : { problems };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readValue(schema: Schema, value: unknown, path: string, problems: string[]): unknown {
  switch (schema.type) {
    case "object":
      return isObject(value) ? readObject(schema, value, path, problems) : mismatch("object", value, path, problems);
    case "array":
      return Array.isArray(value) ? readArray(schema, value, path, problems) : mismatch("array", value, path, problems);
    case "string":
      return typeof value === "string"
        ? readString(schema, value, path, problems)
        : mismatch("string", value, path, problems);
    case "integer":
    case "number":
      return typeof value === "number"
        ? readNumber(schema, value, path, problems)
        : mismatch("number", value, path, problems);
    case "boolean":
      return typeof value === "boolean" ? value : mismatch("boolean", value, path, problems);
    default:
      return value;
  }
}

function readObject(schema: Schema, value: JsonObject, path: string, problems: string[]): JsonObject {
  const { properties = {}, required = [] } = schema;
  const read: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(properties)) {
    const has = Object.hasOwn(value, name) && value[name] !== undefined;
    if (!has && !required.includes(name)) continue;
    read.push([name, readValue(inner, has ? value[name] : undefined, join(path, name), problems)]);
  }
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  if (schema.additionalProperties === false && unknown.length > 0) {
    const names = unknown.slice(0, 10).map((name) => JSON.stringify(name.slice(0, 100)));
    const known = Object.keys(properties).join(", ");
    report(`Unrecognized key${names.length > 1 ? "s" : ""}: ${names.join(", ")}; known: ${known}`, path, problems);
  }
  return Object.fromEntries(read);
}

function readArray(schema: Schema, value: readonly unknown[], path: string, problems: string[]): unknown[] {
  const { items = {}, maxItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) {
    report(`Too big: expected array to have <=${maxItems} items`, path, problems);
  }
  return value.map((inner, i) => readValue(items, inner, `${path}[${i}]`, problems));
}

function readString(schema: Schema, value: string, path: string, problems: string[]): string {
  const { minLength, maxLength } = schema;
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const options = schema.enum.map((option) => JSON.stringify(option)).join("|");
    report(`Invalid option: expected one of ${options}`, path, problems);
  }
  if (minLength !== undefined && value.length < minLength) {
    report(`Too small: expected string to have >=${minLength} characters`, path, problems);
  }
  if (maxLength !== undefined && value.length > maxLength) {
    report(`Too big: expected string to have <=${maxLength} characters, not ${value.length}`, path, problems);
  }
  return value;
}

function readNumber(schema: Schema, value: number, path: string, problems: string[]): number {
  const { type, minimum, maximum } = schema;
  if (type === "integer" && !Number.isSafeInteger(value)) {
    report("Invalid input: expected int, received number", path, problems);
  }
  if (minimum !== undefined && value < minimum) {
    report(`Too small: expected number to be >=${minimum}`, path, problems);
  }
  if (maximum !== undefined && value > maximum) {
    report(`Too big: expected number to be <=${maximum}`, path, problems);
  }
  return value;
}

function mismatch(expected: string, value: unknown, path: string, problems: string[]): undefined {
  report(`Invalid input: expected ${expected}, received ${nameOf(value)}`, path, problems);
}

function report(what: string, path: string, problems: string[]): void {
  problems.push(path === "" ? what : `${what} at ${path}`);
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
