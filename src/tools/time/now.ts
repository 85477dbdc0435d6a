/** time.now: the present moment, in UTC and, when asked, in a time zone by its IANA name. */
import * as v from "valibot";
import { rfc3339 } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { didYouMean } from "../../core/nearest.ts";
import { defineTool } from "../../define/tool.ts";

export const now = defineTool({
  name: "time.now",
  aliases: ["time_now"],
  summary: "Tell the current date and time, in UTC and in any time zone.",
  capability: "time.now",
  effect: "read",
  needs: [],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      timezone: v.optional(v.pipe(v.string(), v.maxLength(100), v.description("IANA name, such as Europe/Berlin"))),
    }),
  output: () =>
    v.strictObject({
      rfc3339: v.pipe(v.string(), v.description("UTC")),
      unix: v.pipe(v.number(), v.integer(), v.description("seconds since 1970-01-01T00:00:00Z")),
      weekday: v.pipe(v.string(), v.description("in the time zone asked for, else in UTC")),
      timezone: v.string(),
      local: v.pipe(v.string(), v.description("RFC 3339 in the time zone asked for, else in UTC")),
    }),
  examples: [{}, { timezone: "Europe/Berlin" }],
  phrases: [
    "what time is it",
    "what is the date today",
    "which day of the week is it",
    "current time in a time zone or city",
    "unix timestamp now",
  ],
  handler(ctx, { timezone = "UTC" }) {
    const ms = ctx.now();
    const common = { rfc3339: rfc3339(ms), unix: Math.floor(ms / 1000) };
    // The time zone database costs more to load than everything else this tool does.
    return { ...common, ...(timezone === "UTC" ? momentInUtc(ms) : momentIn(timezone, ms)) };
  },
});

interface Moment {
  readonly weekday: string;
  readonly timezone: string;
  readonly local: string;
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

function momentInUtc(ms: number): Moment {
  const weekday = weekdays[new Date(ms).getUTCDay()] ?? "";
  return { weekday, timezone: "UTC", local: `${rfc3339(ms).slice(0, 19)}+00:00` };
}

function momentIn(timezone: string, ms: number): Moment {
  const format = formatFor(timezone);
  const parts = new Map(format.formatToParts(ms).map((part) => [part.type, part.value]));
  const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? "";
  const offset = part("timeZoneName").replace(/^GMT/, "");
  return {
    weekday: part("weekday"),
    timezone: format.resolvedOptions().timeZone,
    local:
      `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}` +
      (offset === "" ? "+00:00" : offset),
  };
}

/** Throws `invalid_argument` for a name the time zone database does not have. */
function formatFor(timezone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      timeZoneName: "longOffset",
      hourCycle: "h23",
      weekday: "long",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch (cause) {
    throw new Fault("invalid_argument", `there is no time zone ${JSON.stringify(timezone)}`, {
      hint: didYouMean(timezone, Intl.supportedValuesOf("timeZone"), "use an IANA name such as Europe/Berlin or UTC"),
      cause,
    });
  }
}
