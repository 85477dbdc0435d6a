#!/usr/bin/env bash
# The same turn by Reeve and by other agents, side by side on this machine: a message, one tool call, an answer, against the
# scripted model on loopback. The others are installed from npm into a temporary directory, which is removed at the end.
# A peer that cannot be installed or does not answer is named with the reason. Times are medians; memory is the peak resident
# set of the largest process of a run.
# usage: bench/peers.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-7}
root=$PWD
bun=$root/node_modules/.bin/bun
[[ -x dist/reeve ]] || make --no-print-directory dist/reeve
place=$(mktemp -d)
models=()
cleanup() {
  ((${#models[@]})) && kill "${models[@]}" 2>/dev/null
  rm -rf "$place"
}
trap cleanup EXIT

# A model whose first turn asks for the tool $1 with the arguments $2; its address goes into $url.
model() {
  local script=$place/$1.json port=$place/$1.url
  printf '{"turns":[{"text":"Let me look.","calls":[{"tool":"%s","arguments":%s}]},{"text":"All is well here."}]}' "$1" "$2" >"$script"
  "$bun" src/providers/testdata/model/main.ts "$script" >"$port" &
  models+=($!)
  until [[ -s $port ]]; do sleep 0.05; done
  url=$(sed -nE 's/.*"url":"([^"]*)".*/\1/p' "$port")
}

# Runs the command $runs times and prints a row; what it says must hold the model's answer.
measure() {
  local name=$1
  shift
  python3 - "$name" "$runs" "$@" <<'PY'
import os, resource, statistics, subprocess, sys, time
name, runs, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
times = []
for _ in range(runs):
    start = time.perf_counter()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        print(f"| {name} | no answer within 60 s | |")
        sys.exit()
    times.append(time.perf_counter() - start)
    if done.returncode or b"All is well here." not in done.stdout + done.stderr:
        last = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
        print(f"| {name} | did not answer: exit {done.returncode} {' '.join(last)[:100]} | |")
        sys.exit()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000 * 1.024
print(f"| {name} | {statistics.median(times):.3f} s (best {min(times):.3f}) | {peak:.0f} MB |")
PY
}

# Installs packages into a directory of their own, or prints a row that says why not.
install() {
  local name=$1
  shift
  mkdir -p "$place/$name"
  (cd "$place/$name" && timeout 240 npm install --no-audit --no-fund --silent "$@") >"$place/$name.log" 2>&1 && return
  echo "| $name | not installed: $(tail -n 1 "$place/$name.log" | cut -c1-100) | |"
  return 1
}

# A home of its own and nothing of the caller's environment.
alone() {
  local home=$place/$1-home
  shift
  mkdir -p "$home"
  env -i HOME="$home" PATH="$PATH" TZ=UTC LC_ALL=C.UTF-8 "$@"
}
export -f alone
export place PATH

echo "| agent | one turn with a tool call | largest process |"
echo "| --- | --- | --- |"

model fs_list '{"path": "."}'
alone reeve XDG_STATE_HOME="$place/reeve-state" dist/reeve init --home "$place/reeve" >/dev/null
for setting in "model.provider generic" "model.name scripted-1" "providers.generic.base_url $url"; do
  # shellcheck disable=SC2086
  alone reeve XDG_STATE_HOME="$place/reeve-state" dist/reeve config set --home "$place/reeve" $setting >/dev/null
done
measure reeve env -i HOME="$place/reeve-home" PATH="$PATH" XDG_STATE_HOME="$place/reeve-state" \
  dist/reeve ask --quiet --home "$place/reeve" "look around"

model developer__shell '{"command": "ls"}'
if install goose @aaif/goose@0.20.1; then
  measure "goose 0.20.1" env -i HOME="$place/goose-home" PATH="$PATH" GOOSE_PROVIDER=openai GOOSE_MODEL=scripted-1 \
    OPENAI_HOST="${url%/v1}" OPENAI_API_KEY=none GOOSE_DISABLE_KEYRING=1 GOOSE_MODE=auto GOOSE_TELEMETRY_ENABLED=false \
    "$place/goose/node_modules/.bin/goose" run --no-session -t "look around"
fi

model exec_command '{"cmd": "ls"}'
if install codex @openai/codex@0.169.0; then
  mkdir -p "$place/codex-home"
  measure "codex 0.169.0" env -i HOME="$place/codex-home" PATH="$PATH" SCRIPTED_KEY=none \
    "$place/codex/node_modules/.bin/codex" exec --skip-git-repo-check -s danger-full-access -m scripted-1 \
    -c model_provider=scripted \
    -c "model_providers.scripted={name=\"scripted\",base_url=\"$url\",wire_api=\"responses\",env_key=\"SCRIPTED_KEY\"}" \
    "look around"
fi

model bash '{"command": "ls"}'
if install pi @earendil-works/pi-coding-agent@0.87.1 node@24; then
  mkdir -p "$place/pi-home/.pi/agent"
  printf '{"providers":{"scripted":{"baseUrl":"%s","api":"openai-completions","apiKey":"none","models":[{"id":"scripted-1","name":"s","reasoning":false,"input":["text"],"cost":{"input":0,"output":0,"cacheRead":0,"cacheWrite":0},"contextWindow":100000,"maxTokens":4000}]}}}' \
    "$url" >"$place/pi-home/.pi/agent/models.json"
  measure "pi 0.87.1" env -i HOME="$place/pi-home" PATH="$place/pi/node_modules/.bin:$PATH" PI_OFFLINE=1 \
    "$place/pi/node_modules/.bin/pi" -p --no-session --provider scripted --model scripted-1 "look around"
fi

model run_shell_command '{"command": "ls"}'
if install opencode opencode-ai@1.18.33; then
  mkdir -p "$place/opencode-home/.config/opencode"
  printf '{"provider":{"scripted":{"npm":"@ai-sdk/openai-compatible","options":{"baseURL":"%s","apiKey":"none"},"models":{"scripted-1":{}}}}}' \
    "$url" >"$place/opencode-home/.config/opencode/opencode.json"
  measure "opencode 1.18.33" env -i HOME="$place/opencode-home" PATH="$PATH" \
    "$place/opencode/node_modules/.bin/opencode" run -m scripted/scripted-1 "look around"
fi

echo "| gemini-cli | left out: it speaks an interface of its own that the scripted model does not | |"
echo "| openclaw | left out: it starts a gateway and takes about 12 s and 1.5 GB for this turn | |"
