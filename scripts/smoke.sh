#!/usr/bin/env bash
# Tries the arm64 binary end to end: its version, a new home, one tool call, and the ledger of it verified.
set -euo pipefail
cd "$(dirname "$0")/.."

reeve=(dist/reeve-linux-arm64)
if [[ $(uname -m) != aarch64 ]]; then
  if ! command -v qemu-aarch64-static >/dev/null; then
    echo "smoke: the arm64 binary was not tried: qemu-user-static is missing" >&2
    [[ $(id -u) != 0 ]] || exit 1
    exit 0
  fi
  reeve=(qemu-aarch64-static -L /usr/aarch64-linux-gnu "${reeve[@]}")
fi

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
home=(--home "$place/home")

expect() {
  local wanted=$1
  shift
  local out
  out=$("${reeve[@]}" "$@" </dev/null 2>&1) || { echo "smoke: reeve $* failed: $out" >&2; exit 1; }
  [[ $out == *"$wanted"* ]] || { echo "smoke: reeve $* did not say $wanted: $out" >&2; exit 1; }
}

expect "reeve $(node -p 'require("./package.json").version')" --version
expect "$place/home" init "${home[@]}" --witness "$place/witness/note"
expect '"rfc3339"' run "${home[@]}" --message '/tool time.now {}'
expect OK verify-ledger "${home[@]}"
echo "smoke: the arm64 binary works"
