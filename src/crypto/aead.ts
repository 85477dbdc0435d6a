/** AEAD_XChaCha20_Poly1305 (draft-irtf-cfrg-xchacha-03 section 2): 24-byte nonces may be random, so there is no counter to lose. */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";

const aeadKeyBytes = 32;
export const aeadNonceBytes = 24;
const tagBytes = 16;

/** Ciphertext followed by the 16-byte tag. A (key, nonce) pair must never seal two messages. */
export function seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
  return xchacha20poly1305(key, nonce, aad).encrypt(plaintext);
}

/**
 * The plaintext, or undefined when key, nonce, associated data or a single bit of the sealed bytes is another.
 * Nothing is released before the tag has been compared, in constant time.
 */
export function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
  if (key.length !== aeadKeyBytes || nonce.length !== aeadNonceBytes || sealed.length < tagBytes) return undefined;
  try {
    return xchacha20poly1305(key, nonce, aad).decrypt(sealed);
  } catch {
    // Lengths were checked above, so the one thing left to throw is the tag comparison.
    return undefined;
  }
}
