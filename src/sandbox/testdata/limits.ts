/** Limits no test of something else comes near. */
import type { Limits } from "../limits.ts";

export const ampleLimits: Limits = {
  memory_bytes: 200_000_000,
  processes: 32,
  cpu_ms: 20_000,
  file_bytes: 1_000_000,
  open_files: 64,
  output_bytes: 1_000_000,
  kept_bytes: 20_000,
  wall_ms: 20_000,
  tmp_bytes: 1_000_000,
};
