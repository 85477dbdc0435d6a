/** The probe believes only what a confined child reports, and says why when there is none. */
import { expect, test } from "bun:test";
import { judge, probeSandbox, sandboxPrograms } from "./probe.ts";

const sound = ["outside 65534", "uid 65534", "cap 0000000000000000", "nnp 1", "if lo", "sys sealed", "end"];

function changed(from: string, to: string | undefined): string {
  return sound.flatMap((line) => (line === from ? (to === undefined ? [] : to.split("\n")) : [line])).join("\n");
}

function whyOf(report: string): string {
  const result = judge(report, 1);
  return result.available ? "available" : result.why;
}

test("a child without rights, network or writable kernel settings is taken as confined", () => {
  expect(judge(sound.join("\n"), 1).available).toBe(true);
});

test("each single leak in the child's report is refused by name", () => {
  expect(whyOf(changed("outside 65534", "outside 0"))).toContain("started as uid 0");
  expect(whyOf(changed("uid 65534", "uid 0"))).toContain("the child is uid 0");
  expect(whyOf(changed("cap 0000000000000000", "cap 000001ffffffffff"))).toContain("capabilities 000001ffffffffff");
  expect(whyOf(changed("nnp 1", "nnp 0"))).toContain("gain privileges");
  expect(whyOf(changed("if lo", "if lo\nif eth0"))).toContain("eth0");
  expect(whyOf(changed("if lo", "if lo\nroute 00000000"))).toContain("routes");
  expect(whyOf(changed("sys sealed", "sys writable"))).toContain("kernel settings");
});

test("a report that misses a line is not taken as confinement", () => {
  for (const line of sound) {
    if (line === "if lo") continue;
    expect(whyOf(changed(line, undefined))).toContain("does not hold");
  }
  expect(whyOf("")).toContain("does not hold");
});

test("without bubblewrap the probe says what is missing and what is lost", async () => {
  const result = await probeSandbox({ ...sandboxPrograms(), bwrap: undefined });
  expect(result).toMatchObject({ available: false, why: "bubblewrap is not installed" });
  if (!result.available) expect(result.lost).toContain("cannot be confined");
});

test("as root without setpriv nothing is started at all", async () => {
  const result = await probeSandbox({ bwrap: "/bin/true", setpriv: undefined, shell: "/bin/sh", uid: 0 });
  expect(result).toMatchObject({ available: false });
  if (!result.available) expect(result.why).toContain("uid 0");
});

test("a bubblewrap that does nothing is not mistaken for a sandbox", async () => {
  const result = await probeSandbox({ ...sandboxPrograms(), bwrap: "/bin/true" });
  expect(result.available).toBe(false);
});

test("on this machine the answer is a fact: confined with the facts that show it, or a reason", async () => {
  const result = await probeSandbox();
  if (!result.available) {
    expect(result.why.length).toBeGreaterThan(0);
    return;
  }
  expect(result.outside_uid).not.toBe(0);
  expect(result.facts.uid).not.toBe(0);
  expect(result.facts.network_interfaces.filter((name) => name !== "lo")).toEqual([]);
  expect(result.facts.kernel_settings_writable).toBe(false);
});
