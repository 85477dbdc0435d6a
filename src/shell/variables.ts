/** Variables of the environment that decide what runs, or from where, rather than what it works on. */

/**
 * Whether setting this variable can make a program other than the one named run, or load code into it. Every value of such a
 * variable is somebody's program, so it is neither taken from an agent nor passed over in a line of shell.
 */
export function steersPrograms(name: string): boolean {
  return exact.has(name) || parts.some((part) => part.test(name));
}

const exact: ReadonlySet<string> = new Set(
  (
    "PATH IFS ENV SHELL HOME CDPATH SHELLOPTS BASHOPTS BASH_ENV BASH_XTRACEFD PS0 PS1 PS2 PS4 PROMPT_COMMAND EXECIGNORE " +
    "GLOBIGNORE FIGNORE EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE FCEDIT TMPDIR GCONV_PATH LOCPATH " +
    "GLIBC_TUNABLES MALLOC_TRACE HOSTALIASES RES_OPTIONS NLSPATH TERMINFO TERMINFO_DIRS TERMCAP TZDIR MAKEFLAGS GNUMAKEFLAGS " +
    "MFLAGS MAKEFILES CLASSPATH JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS PERLLIB PERL5LIB PERL5OPT PERL5DB RUBYLIB " +
    "RUBYOPT GEM_HOME GEM_PATH LUA_INIT LUA_PATH LUA_CPATH PHPRC PHP_INI_SCAN_DIR RUSTC RUSTDOC CC CXX LD AR AWKPATH AWKLIBPATH " +
    "XDG_CONFIG_HOME XDG_DATA_HOME XDG_CONFIG_DIRS XDG_DATA_DIRS OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES TAR_OPTIONS"
  ).split(" "),
);

const parts: readonly RegExp[] = [
  /^(?:LD|DYLD|BASH_FUNC|GIT|SSH|NODE|NPM|BUN|DENO|PYTHON|PIP|CARGO|RUSTC|GO|JAVA|MAVEN|GRADLE|DOTNET|ELECTRON|REEVE)_/i,
  /^(?:PYTHON|NPM_CONFIG|YARN)/i,
  /^(?:LUA_INIT|LUA_PATH|LUA_CPATH)/,
  /(?:_PROXY|_PRELOAD|_COMMAND|_WRAPPER|_LAUNCHER|_EDITOR|_PAGER|_ASKPASS)$/i,
];
