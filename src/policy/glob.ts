/**
 * Path patterns: segment by segment, case-sensitive, `*` within a segment and `**` for any number of segments.
 * Matching never costs more than pattern length times path length, whatever the pattern.
 */

/** `src/**` matches `src` and all beneath it; `*` does not skip names that begin with a dot. */
export function matchesGlob(pattern: string, path: string): boolean {
  const segments = path === "." ? [] : path.split("/");
  if (pattern === ".") return segments.length === 0;
  return matchesGaps(pattern.split("/"), segments, "**", matchesSegment);
}

function matchesSegment(pattern: string, segment: string): boolean {
  if (!pattern.includes("*")) return pattern === segment;
  return matchesGaps(pattern, segment, "*", isSame);
}

const isSame = (a: string, b: string): boolean => a === b;

/**
 * Whether the parts of `pattern`, where `gap` stands for any run of items, match all of `items`. When a part fails, the
 * last gap takes one item more; earlier gaps never need to be tried again, since the last one can take over what they took.
 */
function matchesGaps(
  pattern: ArrayLike<string>,
  items: ArrayLike<string>,
  gap: string,
  fits: (part: string, item: string) => boolean,
): boolean {
  let p = 0;
  let i = 0;
  let afterGap = -1;
  let resume = 0;
  while (i < items.length) {
    const part = pattern[p];
    if (part === gap) {
      afterGap = ++p;
      resume = i;
    } else if (part !== undefined && fits(part, items[i] ?? "")) {
      p++;
      i++;
    } else if (afterGap >= 0) {
      p = afterGap;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === gap) p++;
  return p === pattern.length;
}

/** Why no canonical path can match the pattern as its author means it, or undefined. */
export function globProblem(pattern: string): string | undefined {
  if (pattern === ".") return undefined;
  const odd = /[?[\]{}\\]/.exec(pattern)?.[0];
  if (odd) return `"${odd}" is not a wildcard here: only * and ** are`;
  const problem = pathProblem(pattern);
  if (problem) return problem;
  const mixed = pattern.split("/").find((segment) => segment.includes("**") && segment !== "**");
  return mixed === undefined ? undefined : `"**" must stand alone between slashes, not in ${JSON.stringify(mixed)}`;
}

/** Why the text is not a canonical path relative to the workspace, or undefined. */
export function pathProblem(path: string): string | undefined {
  if (path === ".") return undefined;
  if (path === "") return "a path is never empty";
  if (path.length > 4096) return "a path has at most 4096 characters";
  if (path.includes("\0") || !path.isWellFormed()) return "a path holds no NUL and no lone surrogate";
  if (path.startsWith("/")) return "paths are relative to the workspace";
  const segments = path.split("/");
  if (segments.includes("..")) return 'a path never holds ".."';
  if (segments.includes(".")) return 'a path never holds "."';
  return segments.includes("")
    ? "a path never holds an empty segment; for a directory and all beneath it write dir/**"
    : undefined;
}
