import { expect, test } from "bun:test";
import { Fault } from "../../core/fault.ts";
import type { SkillFacts, SkillsHandle } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { list } from "./list.ts";
import { read } from "./read.ts";

const adopted: SkillFacts = { name: "notes", description: "Keeps notes.", sha256: "0".repeat(64), ring: 1 };
const found: SkillFacts = { ...adopted, name: "trick", ring: 2 };

const skills: SkillsHandle = {
  list: async () => [adopted, found],
  read: async (name, file = "SKILL.md") => {
    const skill = [adopted, found].find((each) => each.name === name);
    if (!skill) throw new Fault("not_found", "no such skill");
    return { ...skill, file, content: "text" };
  },
};

test("the list tells a skill the operator adopted from one that only lies in the workspace", async () => {
  const { ring: _, ...facts } = adopted;
  expect(await callTool(list, { skills })).toEqual({
    skills: [
      { ...facts, adopted: true },
      { ...facts, name: "trick", adopted: false },
    ],
  });
});

test("reading gives SKILL.md unless another file is named, with whether it was adopted", async () => {
  const { sha256 } = adopted;
  expect(await callTool(read, { skills }, { name: "notes" })).toEqual({
    name: "notes",
    file: "SKILL.md",
    sha256,
    adopted: true,
    content: "text",
  });
  expect(await callTool(read, { skills }, { name: "trick", file: "a/b.md" })).toMatchObject({
    file: "a/b.md",
    adopted: false,
  });
  await expect(callTool(read, { skills }, { name: "other" })).rejects.toMatchObject({ code: "not_found" });
});
