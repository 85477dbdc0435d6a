import { expect, test } from "bun:test";
import * as v from "valibot";
import { operator } from "../define/principal.ts";
import { defineTool } from "../define/tool.ts";
import { readCheckpoint } from "../ledger/checkpoint.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { fileWitness } from "../ledger/witness.ts";
import { openVault } from "../vault/vault.ts";
import { useEstate } from "./testdata/estate.ts";
import { commitChange } from "./vault-chain.ts";

const estate = useEstate();

async function witnessed(ledger: Ledger): Promise<number> {
  return readCheckpoint((await fileWitness(estate.witness).latest(ledger.origin)) ?? "").size;
}

test("everything up to the intent of a change to Reeve itself is signed and witnessed before it happens", async () => {
  const sizes: number[] = [];
  const look = (effect: "control" | "read") =>
    defineTool({
      name: `look.${effect}`,
      summary: "Look.",
      capability: effect === "control" ? "config.write" : "time.now",
      effect,
      needs: [],
      input: v.strictObject({}),
      output: v.strictObject({}),
      examples: [],
      async handler() {
        sizes.push(engine.keeper.ledger.size(), await witnessed(engine.keeper.ledger));
        return {};
      },
    });
  const engine = await estate.open({ tools: [look("control"), look("read")] });
  await engine.call(operator, "look.control", {});
  await engine.call(operator, "look.read", {});
  const [size = 0, signed, later = 0, stillSigned = 0] = sizes;
  expect(signed).toBe(size);
  expect(stillSigned).toBeLessThan(later);
});

test("a change of the vault is signed and witnessed as staged before it is on the disk, whoever makes it", async () => {
  const { ledger } = (await estate.open()).keeper;
  const vault = await openVault({ dir: estate.home.vault, keys: estate.home.keys });
  const seen: string[] = [];
  const stage = () => {
    const staged = vault.stageSet("k", Buffer.from("a value"));
    const at = ledger.size();
    return {
      ...staged,
      commit: () => {
        seen.push(`${ledger.size() - at} entry more`);
        void witnessed(ledger).then((size) => seen.push(`${size - at} of it witnessed`));
        staged.commit();
      },
    };
  };
  await commitChange(ledger, vault, stage, { actor: "operator", run: null, what: "set", name: "k" });
  vault.close();
  expect(seen).toEqual(["1 entry more", "1 of it witnessed"]);
});
