#!/usr/bin/env bash
# The main job on real input: a new home in a temporary directory, one question about this machine and this repository
# answered through policy with no model and no key, and the ledger of it verified.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$(mktemp -d "${TMPDIR:-/tmp}/reeve-demo.XXXXXX")
reeve=dist/reeve

# What a command says beside its result comes after the result here, whichever it wrote first.
show() {
  local status=0 word
  printf '\n$ %s' "$reeve"
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9/._-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
  done
  printf '\n'
  "$reeve" "$@" </dev/null 2>"$demo/notes" || status=$?
  cat "$demo/notes"
  return $status
}

show init --home "$demo/home" --workspace "$PWD" --witness "$demo/witness/note"
show ask --home "$demo/home" 'How healthy is this machine, and what are the largest source files here?'
show verify-ledger --home "$demo/home"
rm -f "$demo/notes"

printf '\nThe home, the run bundle and the witness stay in %s\n' "$demo"
