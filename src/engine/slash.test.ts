import { describe, expect, test } from "bun:test";
import { newId } from "../core/id.ts";
import { isAlive } from "../core/owner.ts";
import { chatsAt, parseSlash, resumableAt } from "./slash.ts";
import { useEstate } from "./testdata/estate.ts";

const id = "01890a5d-ac96-774b-bcce-b302099a8057";

describe("a slash command", () => {
  test.each<[string, ReturnType<typeof parseSlash>]>([
    ["/new", { command: "new", which: "new", text: null }],
    ["/new  \n", { command: "new", which: "new", text: null }],
    ["/new what is here?", { command: "new", which: "new", text: "what is here?" }],
    ["/new\n\ntwo\nlines", { command: "new", which: "new", text: "two\nlines" }],
    [`/resume ${id}`, { command: "resume", which: id, text: null }],
    [`/resume   ${id}\n and then?`, { command: "resume", which: id, text: "and then?" }],
    ["/chats", { command: "chats" }],
    ["/sessions ", { command: "chats" }],
  ])("is read from %j", (message, expected) => {
    expect(parseSlash(message)).toEqual(expected);
  });

  test.each([
    "hello",
    "",
    "/",
    " /new",
    "/newer things",
    "/New",
    "/NEW",
    "/new-thing",
    "/new: x",
    "/chat",
    "/chats please",
    "/sessions list",
    "/resumes",
    "/etc/passwd is what?",
    "/tool time.now {}",
    "say /new",
    "x\n/new",
  ])("is not seen in %j", (message) => {
    expect(parseSlash(message)).toBeUndefined();
  });

  test.each(["/resume", "/resume ", "/resume *", "/resume %", "/resume new", "/resume current", "/resume last"])(
    "that resumes no session by its id is refused: %j",
    (message) => {
      expect(() => parseSlash(message)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    },
  );

  test("takes a session's id whole: neither the beginning of one, nor one with a wildcard, nor in capitals", () => {
    for (const near of [id.slice(0, 8), `${id.slice(0, -1)}*`, `${id}*`, id.toUpperCase(), `../${id}`]) {
      expect(() => parseSlash(`/resume ${near}`)).toThrow("is not the id of a session");
    }
  });
});

describe("at a place", () => {
  const estate = useEstate();
  const place = { channel: "cli", user: "ada", room: "terminal", agent: "agent:default" };
  const made = (n: number) => `2026-01-01T00:00:${String(n).padStart(2, "0")}.000Z`;

  test("a person goes on with a session of this very place, agent and person, while it is open", async () => {
    const { sessions } = (await estate.open()).keeper;
    const here = await sessions.create({ ...place, title: "t", created_at: made(0) });
    expect(await resumableAt(sessions, place, here.id)).toEqual(here);
    for (const other of [{ channel: "api" }, { user: "eve" }, { room: "hall" }, { agent: "agent:ops" }]) {
      await expect(resumableAt(sessions, { ...place, ...other }, here.id)).rejects.toMatchObject({ code: "not_found" });
    }
    for (const near of ["*", newId(), here.id.slice(0, 8)]) {
      await expect(resumableAt(sessions, place, near)).rejects.toMatchObject({ code: "not_found" });
    }
    await sessions.close(here.id, made(1), isAlive);
    await expect(resumableAt(sessions, place, here.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("the last ten open sessions are shown, the last used first", async () => {
    const { sessions } = (await estate.open()).keeper;
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.unshift((await sessions.create({ ...place, title: "t", created_at: made(n) })).id);
    await sessions.create({ ...place, user: "eve", title: "t", created_at: made(30) });
    await sessions.close(ids[0] ?? "", made(40), isAlive);
    expect((await chatsAt(sessions, place)).map((row) => row.id)).toEqual(ids.slice(1, 11));
  });
});
