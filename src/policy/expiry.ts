/** When a grant ends. Only times that exist count, so that a typing error never becomes a longer grant. */

const form =
  /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** An RFC 3339 date-time of the calendar: 30 February is none, and neither is a leap second. */
export function isTimestamp(text: string): boolean {
  const [, year, month, day] = form.exec(text) ?? [];
  if (!year || !month || !day) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.toISOString().startsWith(`${year}-${month}-${day}`);
}

/** Milliseconds since the Unix epoch at which a grant ends; what is not a time has always ended. */
export function expiry_ms(expires_at: string | null): number {
  if (expires_at === null) return Number.POSITIVE_INFINITY;
  return isTimestamp(expires_at) ? Date.parse(expires_at) : Number.NEGATIVE_INFINITY;
}
