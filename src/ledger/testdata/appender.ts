/** A process that appends `count` entries with `writers` at a time and prints the number of each one acknowledged. */
import { writeSync } from "node:fs";
import { systemClock } from "../../core/clock.ts";
import { fromBase64 } from "../../crypto/hash.ts";
import { Ledger } from "../ledger.ts";
import { fileWitness } from "../witness.ts";

const [path = "", witness = "", ed25519_seed = "", mldsa44_seed = "", count = "", writers = ""] = process.argv.slice(2);
const ledger = await Ledger.open({
  path,
  key: { ed25519_seed: fromBase64(ed25519_seed), mldsa44_seed: fromBase64(mldsa44_seed) },
  witnesses: [fileWitness(witness)],
  clock: systemClock,
  create: false,
  checkpoint_entries: 16,
});
let left = Number(count);
const write = async () => {
  while (left-- > 0) {
    const { seq } = await ledger.append({ type: "t.n", actor: "agent:a", run: null, payload: process.pid });
    writeSync(1, `${seq}\n`);
  }
};
await Promise.all(Array.from({ length: Number(writers) }, write));
await ledger.close();
