#!/usr/bin/env bash
# README names the two commands, and every path of the tree that a README mentions is there.
set -eu
cd "$(dirname "$0")/../.."
status=0
for command in tests/demo tests/run; do
    grep -q "$command" README.md && [ -x "$command" ] || { echo "README.md: $command"; status=1; }
done
while IFS=: read -r file path; do
    [ -e "$path" ] || [ -e "$(dirname "$file")/$path" ] || { echo "$file: $path is not there"; status=1; }
done < <(git ls-files '*README.md' CONTRIBUTING.md | xargs grep -oE '`(libiscsi|iscsid|iscsiadm|etc|man|tests|cmake|var-layout)/[A-Za-z0-9_./-]+`' | tr -d '`' | sort -u)
exit $status
