#!/usr/bin/env bash
# mandoc has nothing to say about the manual pages.
set -eu
cd "$(dirname "$0")/../.."
mandoc -T lint -W warning man/*.[1-8]
