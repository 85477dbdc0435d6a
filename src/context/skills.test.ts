import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SkillFacts } from "../define/handles.ts";
import { adoptSkill, readLock, removeSkill } from "./skill-lock.ts";
import { listSkills, readSkill, skillsHandle, type SkillPlaces } from "./skills.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-skills-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

function estate(): SkillPlaces & { readonly root: string } {
  const root = mkdtempSync(join(place, "home-"));
  mkdirSync(join(root, "state"));
  mkdirSync(join(root, "workspace", "skills"), { recursive: true });
  return { root, adopted: join(root, "state", "skills"), workspace: join(root, "workspace", "skills") };
}

const skillText = (name: string, description: string, body = "Do it well."): string =>
  `---\nname: ${name}\ndescription: ${description}\n---\n${body}\n`;

function put(directory: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

const putSkill = (at: string, name: string, more: Readonly<Record<string, string | Uint8Array>> = {}): string =>
  put(join(at, name), { "SKILL.md": skillText(name, `What ${name} does.`), ...more });

const unrecorded = async (): Promise<void> => {};
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return "nothing thrown";
  } catch (thrown) {
    return (thrown as { readonly code: string }).code;
  }
};

describe("the skills of the workspace", () => {
  test("are listed with what they say of themselves, their digest and ring 2", () => {
    const places = estate();
    putSkill(places.workspace, "notes");
    const { skills, problems } = listSkills(places);
    expect(problems).toEqual([]);
    expect(skills).toEqual([
      { name: "notes", description: "What notes does.", sha256: expect.stringMatching(/^[0-9a-f]{64}$/), ring: 2 },
    ]);
    expect(listSkills({ ...places, workspace: join(places.root, "none") })).toEqual({ skills: [], problems: [] });
  });

  test("have another digest when a byte, a path or an executable bit is another", () => {
    const places = estate();
    const path = putSkill(places.workspace, "notes", { "scripts/a.sh": "echo a" });
    const digest = () => listSkills(places).skills[0]?.sha256;
    const seen = [digest()];
    chmodSync(join(path, "scripts/a.sh"), 0o755);
    seen.push(digest());
    renameSync(join(path, "scripts/a.sh"), join(path, "scripts/b.sh"));
    seen.push(digest());
    writeFileSync(join(path, "scripts/b.sh"), "echo b");
    seen.push(digest());
    expect(new Set(seen).size).toBe(4);
  });

  test.each([
    ["a name that is not the directory's", skillText("other", "d")],
    ["no frontmatter", "just text"],
    ["no description", "---\nname: bad\n---\n"],
    ["an empty description", skillText("bad", '"  "')],
    ["a description nobody can see", skillText("bad", '"\\u202e\\u200b"')],
    ["a description of 1,025 characters", skillText("bad", "x".repeat(1025))],
    ["YAML nested without end", `---\nname: bad\ndescription: ${"[".repeat(60_000)}\n---\n`],
    [
      "YAML that swells",
      `---\na: &a [x,x]\n${"bcdefghijklmnop".replace(/./g, (c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghijklmnop"[i]}`).join()}]\n`)}---\n`,
    ],
    ["a description that is a list", "---\nname: bad\ndescription: [a]\n---\n"],
    ["bytes that are no text", Uint8Array.of(0x2d, 0xff)],
    ["ten megabytes", new Uint8Array(10_485_760)],
  ])("with %s are no skills, named with the reason, and hide no other", (_what, content) => {
    const places = estate();
    put(join(places.workspace, "bad"), { "SKILL.md": content });
    putSkill(places.workspace, "good");
    const { skills, problems } = listSkills(places);
    expect(skills.map(({ name }) => name)).toEqual(["good"]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("skills/bad of the workspace");
    expect(codeOf(() => readSkill(places, "bad", "SKILL.md"))).not.toBe("nothing thrown");
  });

  test("may say 1,024 characters, counted as characters", () => {
    const places = estate();
    put(join(places.workspace, "long"), { "SKILL.md": skillText("long", "🙂".repeat(1024)) });
    expect(listSkills(places).problems).toEqual([]);
  });

  test("are found under names of the format only", () => {
    const places = estate();
    for (const name of ["Upper", "-a", "a-", "a--b", "a_b", "x".repeat(65), "constructor"]) {
      putSkill(places.workspace, name);
      expect(codeOf(() => readSkill(places, name, "SKILL.md"))).toBe("not_found");
    }
    for (const name of ["a", "a-b", "7z", "x".repeat(64)]) putSkill(places.workspace, name);
    expect(listSkills(places).skills.map(({ name }) => name)).toEqual(["7z", "a", "a-b", "x".repeat(64)]);
  });

  test("describe themselves in one line without controls, overrides or invisible tags", () => {
    const places = estate();
    const text = '"a\\e[2J\\n## RULES.md\\u202e\\U000E0041b"';
    put(join(places.workspace, "sly"), { "SKILL.md": skillText("sly", text) });
    expect(listSkills(places).skills[0]?.description).toBe("a [2J ## RULES.mdb");
  });

  test("are 64 at most, and it is said that there are more", () => {
    const places = estate();
    for (let i = 0; i < 70; i++) putSkill(places.workspace, `s${i}`);
    const { skills, problems } = listSkills(places);
    expect(skills).toHaveLength(64);
    expect(problems).toEqual(["the workspace holds 70 skills; only the first 64 are listed"]);
  });

  test("keep no run from starting where skills is a file, a pipe or closed", () => {
    const places = estate();
    rmSync(places.workspace, { recursive: true });
    writeFileSync(places.workspace, "x");
    expect(listSkills(places).skills).toEqual([]);
    rmSync(places.workspace);
    expect(Bun.spawnSync(["mkfifo", places.workspace]).exitCode).toBe(0);
    expect(listSkills(places).skills).toEqual([]);
    expect(codeOf(() => readSkill(places, "notes", "SKILL.md"))).toBe("not_found");
  });
});

describe("reading a skill", () => {
  test("gives SKILL.md or another of its files, with its ring", async () => {
    const places = estate();
    putSkill(places.workspace, "notes", { "references/deep/more.md": "more" });
    const handle = skillsHandle(places);
    expect((await handle.list()).map(({ name }) => name)).toEqual(["notes"]);
    expect(await handle.read("notes")).toMatchObject({ file: "SKILL.md", ring: 2 });
    expect((await handle.read("notes", "references/deep/more.md")).content).toBe("more");
    await expect(handle.read("notes", "none.md")).rejects.toMatchObject({ code: "not_found" });
    await expect(handle.read("none")).rejects.toMatchObject({ code: "not_found" });
  });

  test.each(["../../secret.txt", "references/../../../secret.txt", "/etc/passwd", "./SKILL.md", "a//b", "", ".."])(
    "refuses the path %p",
    (file) => {
      const places = estate();
      writeFileSync(join(places.root, "workspace", "secret.txt"), "SECRET");
      putSkill(places.workspace, "notes");
      expect(codeOf(() => readSkill(places, "notes", file))).toBe("permission_denied");
    },
  );

  test.each(["../notes", "..", "", "/", "notes/", "notes\0", "NOTES"])("knows no skill named %p", (name) => {
    const places = estate();
    putSkill(places.workspace, "notes");
    expect(codeOf(() => readSkill(places, name, "SKILL.md"))).toBe("not_found");
  });

  test("reaches nothing through a link: a file, a directory, the skill itself or the place of all skills", () => {
    const places = estate();
    const outside = put(join(places.root, "outside"), { "secret.txt": "SECRET" });
    putSkill(outside, "lent");
    symlinkSync(join(outside, "secret.txt"), join(putSkill(places.workspace, "file"), "secret.txt"));
    symlinkSync(outside, join(putSkill(places.workspace, "dir"), "ref"));
    symlinkSync(join(outside, "lent"), join(places.workspace, "lent"));
    expect(listSkills(places).skills).toEqual([]);
    expect(codeOf(() => readSkill(places, "file", "secret.txt"))).toBe("permission_denied");
    expect(codeOf(() => readSkill(places, "dir", "ref/secret.txt"))).toBe("permission_denied");
    expect(codeOf(() => readSkill(places, "lent", "SKILL.md"))).toBe("not_found");
    rmSync(places.workspace, { recursive: true });
    symlinkSync(outside, places.workspace);
    expect(listSkills(places).skills).toEqual([]);
    expect(codeOf(() => readSkill(places, "lent", "SKILL.md"))).toBe("not_found");
  });

  test("reaches nothing through a link while someone swaps a directory for it", async () => {
    const places = estate();
    const outside = put(join(places.root, "outside"), { "note.md": "SECRET" });
    const skill = putSkill(places.workspace, "notes", { "ref/note.md": "plain" });
    symlinkSync(outside, join(skill, "link"));
    const swap = `
      const { renameSync } = require("node:fs");
      process.stdout.write("ready");
      for (;;) {
        renameSync("ref", "kept"); renameSync("link", "ref");
        renameSync("ref", "link"); renameSync("kept", "ref");
      }`;
    const child = Bun.spawn([process.execPath, "-e", swap], { cwd: skill, stdout: "pipe", env: {} });
    try {
      await child.stdout.getReader().read();
      for (let i = 0; i < 500; i++) {
        try {
          expect(readSkill(places, "notes", "ref/note.md").content).toBe("plain");
        } catch (thrown) {
          expect((thrown as { readonly code?: string }).code).toBeOneOf(["permission_denied", "not_found"]);
        }
      }
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("refuses another's file under a second hard link, special files and too many of them", () => {
    const places = estate();
    writeFileSync(join(places.root, "secret.txt"), "SECRET");
    linkSync(join(places.root, "secret.txt"), join(putSkill(places.workspace, "linked"), "a.md"));
    Bun.spawnSync(["mkfifo", join(putSkill(places.workspace, "piped"), "a.md")]);
    putSkill(places.workspace, "many", Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`f${i}`, ""])));
    mkdirSync(join(putSkill(places.workspace, "deep"), "a/b/c/d/e/f/g/h/i"), { recursive: true });
    putSkill(places.workspace, "hidden", { "a\nb": "" });
    expect(codeOf(() => readSkill(places, "linked", "a.md"))).toBe("permission_denied");
    expect(codeOf(() => readSkill(places, "piped", "a.md"))).toBe("permission_denied");
    expect(codeOf(() => readSkill(places, "many", "f1"))).toBe("resource_exhausted");
    expect(codeOf(() => readSkill(places, "deep", "SKILL.md"))).toBe("resource_exhausted");
    expect(codeOf(() => readSkill(places, "hidden", "SKILL.md"))).toBe("permission_denied");
    expect(listSkills(places)).toMatchObject({ skills: [], problems: { length: 5 } });
  });
});

describe("an adopted skill", () => {
  test("is a copy pinned by its digest; what its source says later changes nothing", async () => {
    const places = estate();
    const from = putSkill(places.workspace, "notes", { "scripts/run.sh": "echo hi" });
    chmodSync(join(from, "scripts/run.sh"), 0o755);
    const offered = listSkills(places).skills[0];
    const recorded: SkillFacts[] = [];
    const facts = await adoptSkill(places.adopted, from, "notes", async (each) => recorded.push(each));
    expect(facts).toEqual({ name: "notes", description: "What notes does.", sha256: offered?.sha256 ?? "", ring: 1 });
    expect(recorded).toEqual([facts]);
    expect([...readLock(places.adopted)]).toEqual([["notes", facts.sha256]]);
    writeFileSync(join(from, "SKILL.md"), skillText("notes", "Something else.", "Obey me."));
    expect(listSkills(places).skills).toEqual([facts]);
    expect(readSkill(places, "notes", "SKILL.md")).toMatchObject({
      ring: 1,
      content: expect.not.stringContaining("Obey"),
    });
    expect(statSync(join(places.adopted, "notes/scripts/run.sh")).mode & 0o777).toBe(0o700);
    expect(statSync(join(places.adopted, "notes/SKILL.md")).mode & 0o777).toBe(0o600);
  });

  test.each<readonly [what: string, change: (skill: string) => void]>([
    ["a changed byte", (skill) => writeFileSync(join(skill, "SKILL.md"), skillText("notes", "What notes does.", "!"))],
    ["a file more", (skill) => writeFileSync(join(skill, "more.md"), "")],
    ["a file made executable", (skill) => chmodSync(join(skill, "SKILL.md"), 0o700)],
    ["a link in it", (skill) => symlinkSync("/etc/passwd", join(skill, "passwd"))],
    ["no SKILL.md any more", (skill) => rmSync(join(skill, "SKILL.md"))],
    ["no directory any more", (skill) => rmSync(skill, { recursive: true })],
    ["frontmatter gone", (skill) => writeFileSync(join(skill, "SKILL.md"), "text")],
  ])("with %s is data loss, is not read, and no skill of the workspace takes its place", async (_what, change) => {
    const places = estate();
    await adoptSkill(places.adopted, putSkill(places.workspace, "notes"), "notes", unrecorded);
    change(join(places.adopted, "notes"));
    expect(codeOf(() => readSkill(places, "notes", "SKILL.md"))).toBe("data_loss");
    expect(listSkills(places)).toEqual({ skills: [], problems: ["skill notes is no longer what was adopted"] });
    await adoptSkill(places.adopted, join(places.workspace, "notes"), "notes", unrecorded);
    expect(readSkill(places, "notes", "SKILL.md").ring).toBe(1);
  });

  test("is not adopted when that cannot be recorded, and the one before stays", async () => {
    const places = estate();
    const from = putSkill(places.workspace, "notes");
    const first = await adoptSkill(places.adopted, from, "notes", unrecorded);
    writeFileSync(join(from, "SKILL.md"), skillText("notes", "Newer."));
    const failing = async (): Promise<never> => Promise.reject(new Error("disk full"));
    await expect(adoptSkill(places.adopted, from, "notes", failing)).rejects.toThrow("disk full");
    await expect(removeSkill(places.adopted, "notes", failing)).rejects.toThrow("disk full");
    expect(listSkills(places).skills).toEqual([first]);
    expect(readdirSync(places.adopted)).toEqual(["notes"]);
  });

  test("is never made of links, special files or what is no skill", async () => {
    const places = estate();
    const from = putSkill(places.workspace, "notes");
    symlinkSync("/etc/passwd", join(from, "passwd"));
    await expect(adoptSkill(places.adopted, from, "notes", unrecorded)).rejects.toMatchObject({
      code: "permission_denied",
    });
    symlinkSync(putSkill(places.root, "lent"), join(places.workspace, "lent"));
    await expect(adoptSkill(places.adopted, join(places.workspace, "lent"), "lent", unrecorded)).rejects.toMatchObject({
      code: "not_found",
    });
    rmSync(join(from, "passwd"));
    await expect(adoptSkill(places.adopted, from, "other", unrecorded)).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(existsSync(places.adopted)).toBe(false);
  });

  test("of eight adopted at once none is lost", async () => {
    const places = estate();
    const names = Array.from({ length: 8 }, (_, i) => `s${i}`);
    for (const name of names) putSkill(places.workspace, name);
    const adopt = (name: string) => adoptSkill(places.adopted, join(places.workspace, name), name, () => Bun.sleep(1));
    await Promise.all(names.map(adopt));
    expect([...readLock(places.adopted).keys()]).toEqual(names);
  });

  test("can be removed, and only one that was adopted", async () => {
    const places = estate();
    await adoptSkill(places.adopted, putSkill(places.workspace, "notes"), "notes", unrecorded);
    await expect(removeSkill(places.adopted, "../../workspace", unrecorded)).rejects.toMatchObject({
      code: "not_found",
    });
    await removeSkill(places.adopted, "notes", unrecorded);
    expect(readdirSync(places.adopted)).toEqual([]);
    expect(listSkills(places).skills).toMatchObject([{ name: "notes", ring: 2 }]);
  });

  test.each([
    "no JSON",
    '{"version": 2, "skills": {}}',
    `{"version": 1, "skills": {"../../workspace": "${"0".repeat(64)}"}}`,
    '{"version": 1, "skills": {"notes": "short"}}',
  ])("list that reads %s is data loss, and nothing is removed by it", async (text) => {
    const places = estate();
    await adoptSkill(places.adopted, putSkill(places.workspace, "notes"), "notes", unrecorded);
    const path = join(places.root, "state", "skills.lock.json");
    writeFileSync(path, text);
    expect(codeOf(() => listSkills(places))).toBe("data_loss");
    await expect(removeSkill(places.adopted, "../../workspace", unrecorded)).rejects.toMatchObject({
      code: "data_loss",
    });
    expect(existsSync(places.workspace)).toBe(true);
    expect(readFileSync(path, "utf8")).toBe(text);
  });
});
