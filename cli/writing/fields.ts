/**
 * The fields of a request or a reply, read one by one. Guarantees: what is returned has the type that was asked for;
 * a request of another program that has something else there is an error that names the field.
 */
import type { Instant, Key, Valid } from "../../index.js";
import { asKey, isObject, property } from "../../models/values/json-forms.js";
import { badUsage } from "../failure.js";

export class Fields {
  readonly #given: object;

  constructor(given: unknown) {
    if (!isObject(given)) throw badUsage("a request is an object");
    this.#given = given;
  }

  /** As given; undefined where it is missing. */
  any(name: string): unknown {
    return property(this.#given, name);
  }

  text(name: string): string | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "string") return value;
    throw wrong(name, "text");
  }

  requiredText(name: string): string {
    return required(this.text(name), name, "text");
  }

  number(name: string): number | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "number") return value;
    throw wrong(name, "a number");
  }

  requiredNumber(name: string): number {
    return required(this.number(name), name, "a number");
  }

  flag(name: string): boolean | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw wrong(name, "true or false");
  }

  texts(name: string): string[] | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
    throw wrong(name, "a list of texts");
  }

  list(name: string): readonly unknown[] {
    const value = this.any(name);
    if (Array.isArray(value)) return value;
    throw wrong(name, "a list");
  }

  key(name: string): Key {
    return required(asKey(this.any(name)), name, "a key");
  }

  instant(name: string): Instant | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "string" || typeof value === "number") return value;
    throw wrong(name, "a time");
  }

  /** The stretch of valid time that it is about. */
  get valid(): Valid {
    const [validFrom, validTo] = [this.instant("validFrom"), this.instant("validTo")];
    return { ...(validFrom !== undefined && { validFrom }), ...(validTo !== undefined && { validTo }) };
  }
}

function required<T>(value: T | undefined, name: string, what: string): T {
  if (value === undefined) throw wrong(name, what);
  return value;
}

function wrong(name: string, what: string): Error {
  return badUsage(`${name} is ${what}`);
}
