/** Model servers on this machine: whoever answers on one of the usual ports with a list of models, and nothing else. */
import * as v from "valibot";
import { parseJson } from "../../../src/core/canonical.ts";
import { check } from "../../../src/core/schema.ts";
import { providerFetch } from "../../../src/egress/fetch.ts";
import { plainNames } from "./choice.ts";

export interface LocalServer {
  readonly provider: string;
  readonly base_url: string;
  readonly models: readonly string[];
}

/** Where to look, and which provider speaks to what is found there. */
const usual = [
  { port: 11_434, provider: "ollama" },
  { port: 8080, provider: "generic" },
  { port: 8000, provider: "generic" },
  { port: 1234, provider: "generic" },
] as const;

const patience_ms = 300;
const maxList_bytes = 1_048_576;

/** In the order of the places, after at most 300 ms. */
export async function findServers(
  signal: AbortSignal,
  places: readonly { readonly port: number; readonly provider: string }[] = usual,
): Promise<readonly LocalServer[]> {
  const found = await Promise.all(
    places.map(async ({ port, provider }) => {
      const base_url = `http://127.0.0.1:${port}/v1`;
      const models = await modelsAt(base_url, AbortSignal.any([signal, AbortSignal.timeout(patience_ms)]));
      return models ? [{ provider, base_url, models }] : [];
    }),
  );
  return found.flat();
}

const list = v.looseObject({ data: v.array(v.looseObject({ id: v.string() })) });

/** Undefined for whatever is no model server: nothing there, something else, too slow, too long. */
async function modelsAt(base_url: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
  try {
    const response = await providerFetch(base_url)(`${base_url}/models`, { signal });
    const text = response.ok ? await textOf(response) : undefined;
    if (text === undefined) return undefined;
    return plainNames(check(list, parseJson(text, base_url), base_url).data.map(({ id }) => id));
  } catch {
    return undefined;
  }
}

async function textOf(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  const reader = response.body?.getReader();
  for (let size = 0; reader;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > maxList_bytes) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks).toString("utf8");
}
