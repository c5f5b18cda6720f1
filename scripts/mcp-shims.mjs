/**
 * What the SDK of MCP takes from its runtime, for the bundle. Guarantees: it is Node's, without the JSON Schema
 * validator that the SDK would make by default, because `server/mcp/server.ts` gives one of its own.
 */
import process from "node:process";

export class DefaultJsonSchemaValidator {
  constructor() {
    throw new Error("this build has no validator; give one as jsonSchemaValidator");
  }
}

export { process };
