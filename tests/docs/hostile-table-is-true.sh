#!/usr/bin/env bash
# Every test that tests/hostile-targets.md names exists.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
status=0
tick=$'\x60'

exists() {
    case $1 in
    FFP\ * | LOGIN\ * | CHAP\ *) grep -rqF "CONFORMANCE(${1% *}, \"${1#* }\"" conformance ;;
    */* | .*) true ;; # words of the text, not tests
    *.*) grep -rqE "TEST(_F|_P)?\\(${1%%.*}, ${1#*.}\\)" unit scenario ;;
    *) [ -e "integration/$1.sh" ] || [ -e "fuzz/$1.cpp" ] ;;
    esac
}

while IFS= read -r name; do
    exists "$name" && continue
    echo "there is no test $name"
    status=1
done < <(grep -oE "${tick}[^${tick}]+${tick}" hostile-targets.md | tr -d "$tick" | sort -u)
exit $status
