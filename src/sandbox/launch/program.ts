/** Turns the steps of a launch into an executable of this machine's architecture. */
import { syscallNumber, type Architecture } from "../syscalls.ts";
import { Aarch64 } from "./aarch64.ts";
import { dataAddress, executable } from "./elf.ts";
import type { Assembler, Jump } from "./machine-code.ts";
import { Segment, ended, type Slot, type Step } from "./steps.ts";
import { X86_64 } from "./x86-64.ts";

/** Status of a launcher that reported a failed step. */
const failedStatus = 125;

export interface Launcher {
  readonly bytes: Buffer;
  /** What the step of that number is; undefined for a step of another launcher. */
  readonly nameOf: (step: number) => string | undefined;
}

/**
 * An executable that carries out the steps in their order. At the first that fails it reports to the descriptor `status_fd`
 * and ends; so does one whose steps come to an end, which they never do: they execute, or reap and end. Steps are numbered
 * from `first_step`, so that launchers that share a descriptor can be told apart.
 */
export function launcher(
  architecture: Architecture,
  status_fd: number,
  plan: (data: Segment) => readonly Step[],
  first_step: number,
): Launcher {
  const data = new Segment(dataAddress);
  const steps = plan(data);
  const assembler = architecture === "x86-64" ? new X86_64() : new Aarch64();
  const writer = new Writer(
    architecture,
    assembler,
    { status_fd, report: data.space(8), scratch: data.space(8) },
    first_step,
  );
  writer.write(steps);
  writer.finish();
  return {
    bytes: executable(architecture, data.bytes, assembler.bytes),
    nameOf: (step) => writer.names[step - first_step],
  };
}

class Writer {
  readonly #architecture: Architecture;
  readonly #code: Assembler;
  readonly #places: { readonly status_fd: number; readonly report: Slot; readonly scratch: Slot };
  readonly #failures: Jump[] = [];
  readonly #firstStep: number;
  readonly names: string[] = [];

  constructor(
    architecture: Architecture,
    code: Assembler,
    places: { readonly status_fd: number; readonly report: Slot; readonly scratch: Slot },
    first_step: number,
  ) {
    this.#architecture = architecture;
    this.#code = code;
    this.#places = places;
    this.#firstStep = first_step;
  }

  write(steps: readonly Step[]): void {
    for (const step of steps) {
      this.#code.step(this.#firstStep + this.names.length);
      this.names.push("call" in step ? step.call : (Object.keys(step)[0] ?? "step"));
      if ("call" in step) this.#call(step);
      else if ("fork" in step) this.#fork(step.fork, step.keep);
      else if ("check" in step) this.#check(step.check, step.equals);
      else this.#reap(step.reap);
    }
  }

  /** What every failed step jumps to, and the end of a list that should not have one. */
  finish(): void {
    for (const jump of this.#failures) this.#code.land(jump, this.#code.here);
    const { report, status_fd } = this.#places;
    this.#code.keepFailure(report);
    this.#system("write", [status_fd, report, 8]);
    this.#system("exit_group", [failedStatus]);
  }

  #call(step: Extract<Step, { readonly call: unknown }>): void {
    this.#system(step.call, step.arguments);
    if (!step.tolerate) this.#failures.push(this.#code.jumpIfFailed());
    if (step.keep) this.#code.keep(step.keep);
  }

  #fork(child: readonly Step[], keep: Slot): void {
    const sigchld = 17;
    this.#system("clone", [sigchld, 0, 0, 0, 0]);
    this.#failures.push(this.#code.jumpIfFailed());
    const parent = this.#code.jumpIfSet();
    this.write(child);
    this.#system("exit_group", [failedStatus]);
    this.#code.land(parent, this.#code.here);
    this.#code.keep(keep);
  }

  #check(slot: Slot, equals: Slot): void {
    this.#code.take(slot);
    this.#failures.push(this.#code.jumpUnless(equals));
  }

  #reap(child: Slot): void {
    const { report, scratch, status_fd } = this.#places;
    const again = this.#code.here;
    this.#system("wait4", [-1, scratch, 0, 0]);
    this.#failures.push(this.#code.jumpIfFailed());
    this.#code.land(this.#code.jumpUnless(child), again);
    this.#code.step(ended);
    // The report is the mark and what wait4 left: the failure's form with the status in the place of the result.
    this.#code.keepFailure(report);
    this.#system("write", [status_fd, report, 4]);
    this.#system("write", [status_fd, scratch, 4]);
    this.#system("exit_group", [0]);
  }

  #system(name: Parameters<typeof syscallNumber>[1], args: Parameters<Assembler["call"]>[1]): void {
    this.#code.call(syscallNumber(this.#architecture, name), args);
  }
}
