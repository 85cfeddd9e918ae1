#!/usr/bin/env bash
# Nothing in the tree names a folder of somebody's machine.
set -eu
cd "$(dirname "$0")/../.."
if git ls-files -z | xargs -0 grep -nE '(/home|/work|/root)/[a-z]' -- | grep -vE 'no-build-machine-paths|[$]work/'; then
    exit 1
fi
