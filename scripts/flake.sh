#!/usr/bin/env bash
# Checks that flake.nix parses and that the hash it pins is that of the packages bun.lock names; --write puts the hash in.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v nix-instantiate >/dev/null; then
  echo "flake: not checked: nix-instantiate is missing (apt-get install nix-bin)" >&2
  exit 0
fi

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
NIX_STATE_DIR=$state NIX_STORE_DIR=$state NIX_LOG_DIR=$state nix-instantiate --parse flake.nix >/dev/null

mkdir "$state/packages"
cp package.json bun.lock bunfig.toml "$state/packages/"
(cd "$state/packages" && "$OLDPWD/node_modules/.bin/bun" install --frozen-lockfile --production --ignore-scripts >/dev/null 2>&1)
digits=$(nix-hash --type sha256 "$state/packages/node_modules")
hash="sha256-$(printf '%b' "$(sed 's/../\\x&/g' <<<"$digits")" | base64 -w0)"

if [[ ${1:-} == --write ]]; then
  sed -i "s|outputHash = \"[^\"]*\"|outputHash = \"$hash\"|" flake.nix
elif ! grep -qF "outputHash = \"$hash\"" flake.nix; then
  echo "flake: the packages hash to $hash, which flake.nix does not say: run make docs" >&2
  exit 1
fi
