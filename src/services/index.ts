/** Every service of the binary, in the order `reeve serve` starts them. */
import type { Service } from "../define/service.ts";
import type { Engine } from "../engine/engine.ts";
import { egress } from "./egress.ts";

export const services: readonly Service<Engine>[] = [egress];
