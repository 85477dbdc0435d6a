import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { asFault, Fault, faultCodes, systemErrorName } from "./fault.ts";
import { didYouMean, nearest } from "./nearest.ts";

test("every code has its own exit status, and only the transient ones are retryable", () => {
  const exits = Object.values(faultCodes).map((row) => row.exit);
  expect(new Set(exits).size).toBe(exits.length);
  const retryable = Object.entries(faultCodes).flatMap(([code, row]) => (row.retryable ? [code] : []));
  expect(retryable).toEqual(["resource_exhausted", "unavailable", "deadline_exceeded"]);
});

test("a system error becomes the fault of its meaning, with a hint and without the path of the cause", () => {
  let thrown: unknown;
  try {
    readFileSync("/nonexistent/secret-name");
  } catch (error) {
    thrown = error;
  }
  expect(systemErrorName(thrown)).toBe("ENOENT");
  const fault = asFault(thrown, "the config");
  expect(fault.toRecord()).toEqual({
    code: "not_found",
    message: "the config: no such file or directory",
    hint: "check the path",
  });
  expect(fault.cause).toBe(thrown);
});

test("a fault passes through unchanged, anything else is internal", () => {
  const fault = new Fault("canceled", "stopped");
  expect(asFault(fault)).toBe(fault);
  expect(asFault(new Error("boom")).exitCode).toBe(1);
  expect(asFault("text").message).toBe("text");
});

test("the nearest name is found for a slip of the fingers and not for another word", () => {
  expect(nearest("polcy", ["policy", "ledger"])).toBe("policy");
  expect(nearest("banana", ["policy", "ledger"])).toBeUndefined();
  expect(didYouMean("fs.raed", ["fs.read"], "none")).toBe('did you mean "fs.read"?');
});
