/**
 * The JSON Schemas of the tools, and checking arguments by them. Guarantees: what is accepted has the types that the
 * schema states, without members that it does not know; what is wrong is said one line for each place.
 *
 * A strict check is that of zod 4, word for word, because clients of the reference memory server read those words. A
 * loose one takes what models write for a value, see `loose-value.ts`, and null for an argument that is left out; it
 * names nothing that JSON cannot hold.
 */
import { looseArray, looseFlag, looseNumber, looseObject, looseOption } from "./loose-value.js";

/** The part of JSON Schema that the tools use. */
export interface Schema {
  readonly $schema?: string;
  /** Schemas that are referred to as `#/$defs/name`. Only listings have them: a check knows no references. */
  readonly $defs?: Properties;
  readonly $ref?: string;
  readonly type?: "object" | "array" | "string" | "number" | "integer" | "boolean";
  readonly description?: string;
  readonly properties?: Properties;
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

export type Properties = { readonly [name: string]: Schema };

export type JsonObject = { readonly [name: string]: unknown };

/** What a check came to. */
export type Checked = { readonly value: unknown } | { readonly problems: readonly string[] };

/** How a value is checked. */
export type Strictness = "strict" | "loose";

/** Reads a value by a schema. */
export function check(schema: Schema, value: unknown, strictness: Strictness): Checked {
  const reading = new Reading(strictness === "loose");
  const read = reading.value(schema, value, "");
  return reading.problems.length === 0 ? { value: read } : { problems: reading.problems };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One check, and what it found wrong. */
class Reading {
  readonly problems: string[] = [];
  readonly #isLoose: boolean;

  constructor(isLoose: boolean) {
    this.#isLoose = isLoose;
  }

  value(schema: Schema, given: unknown, path: string): unknown {
    const value = this.#isLoose ? loosened(schema, given) : given;
    switch (schema.type) {
      case "object":
        return isObject(value) ? this.#object(schema, value, path) : this.#mismatch("object", value, path);
      case "array":
        return Array.isArray(value) ? this.#array(schema, value, path) : this.#mismatch("array", value, path);
      case "string":
        return typeof value === "string" ? this.#string(schema, value, path) : this.#mismatch("string", value, path);
      case "integer":
      case "number":
        return typeof value === "number" ? this.#number(schema, value, path) : this.#mismatch("number", value, path);
      case "boolean":
        return typeof value === "boolean" ? value : this.#mismatch("boolean", value, path);
      default:
        return value;
    }
  }

  #object(schema: Schema, value: JsonObject, path: string): JsonObject {
    const { properties, required = [] } = schema;
    // Of an object whose members no schema names, they are whatever they are.
    if (properties === undefined) return value;
    const read: [string, unknown][] = [];
    for (const [name, inner] of Object.entries(properties)) {
      const has = Object.hasOwn(value, name) && !this.#isLeftOut(inner, value[name]);
      if (!has && !required.includes(name)) continue;
      read.push([name, this.value(inner, Object.hasOwn(value, name) ? value[name] : undefined, join(path, name))]);
    }
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
    if (schema.additionalProperties === false && unknown.length > 0) {
      const names = unknown.slice(0, 10).map((name) => JSON.stringify(name.slice(0, 100)));
      const known = Object.keys(properties).join(", ");
      this.#report(`Unrecognized key${names.length > 1 ? "s" : ""}: ${names.join(", ")}; known: ${known}`, path);
    }
    return Object.fromEntries(read);
  }

  /** Of a value of any type, null may be what is meant: the operation decides. */
  #isLeftOut(schema: Schema, value: unknown): boolean {
    return value === undefined || (this.#isLoose && value === null && schema.type !== undefined);
  }

  #array(schema: Schema, value: readonly unknown[], path: string): unknown[] {
    const { items = {}, maxItems } = schema;
    if (maxItems !== undefined && value.length > maxItems) {
      this.#report(`Too big: expected array to have <=${maxItems} items`, path);
    }
    return value.map((inner, i) => this.value(items, inner, `${path}[${i}]`));
  }

  #string(schema: Schema, value: string, path: string): string {
    const { minLength, maxLength } = schema;
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      const options = schema.enum.map((option) => JSON.stringify(option)).join("|");
      this.#report(`Invalid option: expected one of ${options}`, path);
    }
    if (minLength !== undefined && value.length < minLength) {
      this.#report(`Too small: expected string to have >=${minLength} characters`, path);
    }
    if (maxLength !== undefined && value.length > maxLength) {
      this.#report(`Too big: expected string to have <=${maxLength} characters, not ${value.length}`, path);
    }
    return value;
  }

  #number(schema: Schema, value: number, path: string): number {
    const { type, minimum, maximum } = schema;
    if (type === "integer" && !Number.isSafeInteger(value)) {
      this.#report(`Invalid input: expected ${this.#isLoose ? "a whole number" : "int"}, received number`, path);
    }
    if (minimum !== undefined && value < minimum) {
      this.#report(`Too small: expected number to be >=${minimum}`, path);
    }
    if (maximum !== undefined && value > maximum) {
      this.#report(`Too big: expected number to be <=${maximum}`, path);
    }
    return value;
  }

  #mismatch(expected: string, value: unknown, path: string): undefined {
    const received = this.#isLoose ? looseNameOf(value) : nameOf(value);
    const example = this.#isLoose && expected === "array" ? ' such as ["a", "b"]' : "";
    this.#report(`Invalid input: expected ${expected}${example}, received ${received}`, path);
  }

  #report(what: string, path: string): void {
    this.problems.push(path === "" ? what : `${what} at ${path}`);
  }
}

/** What models write for a value of a type, as that value. */
function loosened({ type, items, enum: options }: Schema, value: unknown): unknown {
  switch (type) {
    case "object":
      return looseObject(value);
    case "array":
      return looseArray(value, items?.type === "string");
    case "integer":
    case "number":
      return looseNumber(value);
    case "boolean":
      return looseFlag(value);
    case "string":
      return options === undefined ? value : looseOption(value, options);
    default:
      return value;
  }
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "bigint") return "number";
  return Array.isArray(value) ? "array" : typeof value;
}

function looseNameOf(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "bigint" ? "a whole number beyond 2^53" : nameOf(value);
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
