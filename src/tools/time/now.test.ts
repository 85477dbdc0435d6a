/** time.now: one moment, in UTC and elsewhere. */
import { expect, test } from "bun:test";
import { callTool } from "../testdata/call.ts";
import { now } from "./now.ts";

test("without a zone it tells UTC", async () => {
  expect(await callTool(now, {})).toEqual({
    rfc3339: "2026-11-20T08:00:00.500Z",
    unix: 1_795_161_600,
    weekday: "Friday",
    timezone: "UTC",
    local: "2026-11-20T08:00:00+00:00",
  });
});

test.each([
  ["Europe/Berlin", "2026-11-20T09:00:00+01:00", "Friday"],
  ["Asia/Kolkata", "2026-11-20T13:30:00+05:30", "Friday"],
  ["America/New_York", "2026-11-20T03:00:00-05:00", "Friday"],
  ["Pacific/Kiritimati", "2026-11-20T22:00:00+14:00", "Friday"],
  ["Pacific/Pago_Pago", "2026-11-19T21:00:00-11:00", "Thursday"],
])("in %s the same moment is %s", async (timezone, local, weekday) => {
  expect(await callTool(now, {}, { timezone })).toMatchObject({ timezone, local, weekday });
  expect(Date.parse(local)).toBe(1_795_161_600_000);
});

test("a zone is recognised in any case and told in its own", async () => {
  expect(await callTool(now, {}, { timezone: "europe/berlin" })).toMatchObject({ timezone: "Europe/Berlin" });
});

test.each(["Mars/Olympus", "", "Europe/../Berlin", "🦊"])("%j is no time zone", async (timezone) => {
  await expect(callTool(now, {}, { timezone })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a mistyped zone brings the nearest one", async () => {
  await expect(callTool(now, {}, { timezone: "Europe/Berln" })).rejects.toMatchObject({
    hint: 'did you mean "Europe/Berlin"?',
  });
});

test("UTC told without the time zone database is what the database says, also before 1970", async () => {
  for (const ms of [0, -1, 1_795_219_148_497, 951_782_400_000, 253_402_300_799_999]) {
    const ours = await callTool(now, {}, {}, ms);
    expect(await callTool(now, {}, { timezone: "Etc/UTC" }, ms)).toEqual({
      ...(ours as object),
      timezone: expect.any(String),
    });
  }
});
