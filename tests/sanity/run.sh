#!/usr/bin/env bash
# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-test demands a checkout that really lies under ansible_collections/mssp/defender: give it a copy of one.
# Its own caches and virtual environments stay beside that copy, not in the user's home.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
place=$root/.cache/sanity
copy=$place/ansible_collections/mssp/defender
log=$place/ansible-test.log

export_checkout() {
  rm -rf "$copy"
  mkdir -p "$copy" "$place/home"
  cd "$root"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory="$copy"
  git -C "$copy" init --quiet
  git -C "$copy" add --all
}

# ansible-test clears the environment, so what pip is told there and in the user's own file goes to the private home.
configure_pip() {
  mkdir -p "$place/home/.pip" "$place/home/.config"
  (umask 077; { printf '[global]\nquiet = 1\n'; env | sed -n 's/^PIP_\([^=]*\)=/\1 = /p'; } > "$place/home/.pip/pip.conf")
  ln -sfn "$HOME/.config/pip" "$place/home/.config/pip"
}

sanity() {
  version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  cd "$copy"
  HOME=$place/home ansible-test sanity --venv --requirements --python "$version" --color no 2>&1 | tee "$log"
}

# ansible-test downloads pip's bootstrap script from a host that closed networks do not reach, and names the file it wants.
stand_in_for_pip_bootstrap() {
  wanted=$(sed -n 's/.*can be manually downloaded and saved to: //p' "$log" | head -n 1)
  [ -n "$wanted" ] || return 1
  echo "No pip bootstrap script from the network: Python's own ensurepip serves instead."
  mkdir -p "$(dirname "$wanted")"
  cp "$root/tests/sanity/pip_bootstrap.py" "$wanted"
}

export_checkout
configure_pip
sanity || { stand_in_for_pip_bootstrap && sanity; }
