/** What counts as source code when files are looked through: by extension, and outside directories others filled. */

/** Lower case, without the dot. */
export const sourceExtensions: ReadonlySet<string> = new Set(
  (
    "ada asm astro awk bash bat c cc cjs clj cljs cmake cpp cr cs css cts cu cue cxx d dart dhall el elm erl ex exs f90 " +
    "fish fs fsx gleam glsl go gql gradle graphql groovy h hcl hh hpp hrl hs html hxx idr java jl js jsx kt kts less lisp " +
    "lua m mjs ml mli mm mts nim nix pas php pl pm proto ps1 purs py pyi pyx r rb re rkt rs s sass scala scm scss sh sol " +
    "sql svelte swift tcl tf thrift ts tsx v vala vb vhd vhdl vim vue wat wgsl zig zsh"
  ).split(" "),
);

/** Names of directories that hold other people's code, build results or version control. */
export const vendoredDirectories: readonly string[] = [
  ".bzr",
  ".cache",
  ".direnv",
  ".eggs",
  ".git",
  ".gradle",
  ".hg",
  ".jj",
  ".mypy_cache",
  ".next",
  ".nox",
  ".nuxt",
  ".pytest_cache",
  ".ruff_cache",
  ".svelte-kit",
  ".svn",
  ".terraform",
  ".tox",
  ".turbo",
  ".venv",
  ".yarn",
  "__pycache__",
  "bower_components",
  "build",
  "coverage",
  "dist",
  "node_modules",
  "obj",
  "out",
  "site-packages",
  "target",
  "third_party",
  "vendor",
  "venv",
];
