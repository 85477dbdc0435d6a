/** secrets.rotate: a new encryption key for the vault. */
import * as v from "valibot";
import { defineTool } from "../../define/tool.ts";

export const rotate = defineTool({
  name: "secrets.rotate",
  summary: "Encrypt every stored secret again under a new key.",
  capability: "secrets.write",
  effect: "control",
  needs: ["secrets"],
  input: () => v.strictObject({}),
  output: () =>
    v.strictObject({ epoch: v.pipe(v.number(), v.integer(), v.description("number of the key now in use")) }),
  examples: [{}],
  phrases: ["rotate the vault key", "re-encrypt all secrets"],
  async handler({ secrets }) {
    return { epoch: await secrets.rotate() };
  },
});
