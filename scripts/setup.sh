#!/usr/bin/env bash
# Brings what a make target needs: the pinned Bun with the locked packages, and the system programs named as arguments.
# As root, missing system packages are installed; otherwise each is named with the command that installs it and what is lost.
# With BUN in the environment, that Bun is used in place of the one from npm.
# usage: scripts/setup.sh [bwrap|dockerd|busybox|openssl|python3|strace|tmux|qemu|nix]...
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=node_modules/.installed

install_packages() {
  if [[ -x node_modules/.bin/bun && -f $stamp && ! package.json -nt $stamp && ! bun.lock -nt $stamp ]]; then return; fi
  if [[ -n ${BUN:-} ]]; then
    "$BUN" install --frozen-lockfile
    touch $stamp
    return
  fi
  command -v npx >/dev/null || { echo "setup: npx is missing: install Node.js with npm" >&2; exit 9; }
  local version
  version=$(node -p 'require("./package.json").devDependencies.bun')
  npx --yes "bun@$version" install --frozen-lockfile
  touch $stamp
}

# What proves that a program is there; the package that brings it; what is lost without it.
present() {
  case $1 in
    qemu) command -v qemu-aarch64-static >/dev/null && [[ $(uname -m) == aarch64 || -d /usr/aarch64-linux-gnu/lib ]] ;;
    nix) command -v nix-instantiate >/dev/null ;;
    # The whole of it: a client alone, or a shell that is not static, is no use to a test.
    dockerd) [[ -x /usr/sbin/dockerd || -x /usr/bin/dockerd ]] && [[ -x /usr/bin/docker ]] && command -v containerd runc >/dev/null ;;
    busybox) [[ -x /bin/busybox ]] && ! ldd /bin/busybox >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}
packages() {
  case $1 in
    bwrap) echo bubblewrap ;;
    dockerd) echo docker.io ;;
    busybox) echo busybox-static ;;
    qemu) echo qemu-user-static libc6-arm64-cross ;;
    nix) echo nix-bin ;;
    *) echo "$1" ;;
  esac
}
loss() {
  case $1 in
    bwrap) echo "child processes cannot be sandboxed in namespaces of their own" ;;
    dockerd | busybox) echo "no test can run a program in a container of a real engine" ;;
    openssl | python3) echo "the independent ledger verifier cannot be run" ;;
    strace) echo "no test can kill the binary at every change of the disk" ;;
    tmux) echo "no test can type at the terminal" ;;
    qemu) echo "the arm64 binary cannot be tried on this machine" ;;
    nix) echo "flake.nix cannot be parsed" ;;
  esac
}

install_programs() {
  local missing=() wanted=() name
  for name in "$@"; do present "$name" || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  for name in "${missing[@]}"; do read -ra more <<<"$(packages "$name")" && wanted+=("${more[@]}"); done
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "setup: installing ${wanted[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq || true; apt-get install -y -qq --no-install-recommends "${wanted[@]}"; } >&2 ||
      echo "setup: apt-get failed; going on without" >&2
  fi
  for name in "${missing[@]}"; do
    present "$name" || echo "setup: $name is missing: $(loss "$name"); install it: apt-get install $(packages "$name")" >&2
  done
}

install_packages
install_programs "$@"
