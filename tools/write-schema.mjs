/** Writes the JSON Schema of option files: `npm run schema`. */
import { writeFile } from "node:fs/promises";
import { jsonSchemaOfOptions, schemaFile } from "../packages/nanoadam/dist/options/json-schema.js";

const file = new URL(`../packages/nanoadam/presets/${schemaFile}`, import.meta.url);
await writeFile(file, `${JSON.stringify(jsonSchemaOfOptions(), null, 2)}\n`);
