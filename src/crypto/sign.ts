/**
 * Signatures from 32-byte seeds: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204, pure, empty context).
 * Both run on the runtime's native implementation; verification answers false for anything malformed and never throws.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Fault } from "../core/fault.ts";

export interface SignatureScheme {
  readonly name: string;
  readonly public_key_bytes: number;
  readonly signature_bytes: number;
  /** The public key of a 32-byte seed. Throws `invalid_argument` for a seed of another length. */
  publicKey(seed: Uint8Array): Uint8Array;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** `sign` with the key expanded once, for one who signs often. */
  signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** RFC 8032 section 5.1; deterministic, 64-byte signatures. */
export const ed25519: SignatureScheme = scheme("ed25519", "raw-private", 32, 64);

/** FIPS 204 parameter set ML-DSA-44; key from the seed of algorithm 6, hedged signing (algorithm 2). */
export const mldsa44: SignatureScheme = scheme("ml-dsa-44", "raw-seed", 1312, 2420);

/** Runtime key formats that its type declarations do not list yet. */
interface RawKey {
  readonly key: Buffer;
  readonly format: string;
  readonly asymmetricKeyType: string;
}

const importPrivate = createPrivateKey as unknown as (input: RawKey) => KeyObject;
const importPublic = createPublicKey as unknown as (input: RawKey | KeyObject) => KeyObject & {
  export(options: { readonly format: "raw-public" }): Uint8Array;
};

function scheme(name: string, format: string, public_key_bytes: number, signature_bytes: number): SignatureScheme {
  const privateKey = (seed: Uint8Array) => {
    if (seed.length !== 32) {
      throw new Fault("invalid_argument", `${name} seed has ${seed.length} bytes instead of 32`);
    }
    return importPrivate({ key: Buffer.from(seed), format, asymmetricKeyType: name });
  };
  return {
    name,
    public_key_bytes,
    signature_bytes,
    publicKey: (seed) => new Uint8Array(importPublic(privateKey(seed)).export({ format: "raw-public" })),
    // A Buffer would share its memory with its slices.
    sign: (seed, message) => new Uint8Array(sign(null, message, privateKey(seed))),
    signer(seed) {
      const key = privateKey(seed);
      return (message) => new Uint8Array(sign(null, message, key));
    },
    verify(publicKey, message, signature) {
      if (publicKey.length !== public_key_bytes || signature.length !== signature_bytes) return false;
      const key = { key: Buffer.from(publicKey), format: "raw-public", asymmetricKeyType: name };
      try {
        return verify(null, message, importPublic(key), signature);
      } catch {
        // A public key of the right length that encodes no key: nothing can be signed by it.
        return false;
      }
    },
  };
}
