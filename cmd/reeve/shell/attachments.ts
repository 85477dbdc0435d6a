/** What a message can bring with it: pictures, and the schema its answer must fit. */
import { isJsonObject, type Json, parseJson } from "../../../src/core/canonical.ts";
import { Fault } from "../../../src/core/fault.ts";
import { cleanText } from "../../../src/core/text.ts";
import type { Image } from "../../../src/define/provider.ts";
import { readInputFile } from "./input.ts";

const maxImages = 8;
const maxImage_bytes = 5_242_880;
const maxSchema_bytes = 262_144;

const signatures: readonly (readonly [Image["media_type"], (bytes: Uint8Array) => boolean])[] = [
  ["image/png", (bytes) => startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ["image/jpeg", (bytes) => startsWith(bytes, [0xff, 0xd8, 0xff])],
  ["image/gif", (bytes) => startsWith(bytes, [0x47, 0x49, 0x46, 0x38])],
  [
    "image/webp",
    (bytes) => startsWith(bytes, [0x52, 0x49, 0x46, 0x46]) && startsWith(bytes.subarray(8), [0x57, 0x45, 0x42, 0x50]),
  ],
];

/** Throws `invalid_argument` for what is no picture of a kind models take, is too large or one too many. */
export function readImages(paths: readonly string[], cwd: string): readonly Image[] {
  if (paths.length > maxImages) {
    throw new Fault("invalid_argument", `${paths.length} images are too many`, { hint: `attach at most ${maxImages}` });
  }
  return paths.map((path) => {
    const bytes = readInputFile(path, cwd, maxImage_bytes, "the image");
    const known = signatures.find(([, matches]) => matches(bytes));
    if (!known) {
      throw new Fault("invalid_argument", `${path} is no PNG, JPEG, GIF or WebP image`, { hint: "convert it first" });
    }
    return { media_type: known[0], base64: Buffer.from(bytes).toString("base64") };
  });
}

/** Throws `invalid_argument` for what is not a JSON object. */
export function readSchema(path: string, cwd: string): Json {
  const schema = parseJson(cleanText(readInputFile(path, cwd, maxSchema_bytes, "the schema"), path), path);
  if (isJsonObject(schema)) return schema;
  throw new Fault("invalid_argument", `${path} is no JSON Schema`, { hint: 'write {"type": "object", ...}' });
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}
