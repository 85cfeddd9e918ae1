#!/usr/bin/env bash
# README names the two commands, and every file that a README, CONTRIBUTING or ARCHITECTURE names is
# there: paths from the root or from the folder of the document, bare names of source files anywhere
# below that folder, and the first column of a table of files. Usage: readme-is-true.sh [TREE]
set -eu
cd "${1:-$(dirname "$0")/../..}"
status=0
for command in tests/demo tests/run; do
    grep -q "$command" README.md && [ -x "$command" ] || { echo "README.md: $command"; status=1; }
done
for document in ARCHITECTURE.md CONTRIBUTING.md; do
    grep -q "($document)" README.md || { echo "README.md does not link $document"; status=1; }
done

documents=$(find . -name README.md -not -path './build*' -not -path './.git/*' | sed 's|^\./||')
documents="$documents ARCHITECTURE.md CONTRIBUTING.md tests/hostile-targets.md"
tick=$'\x60'

# "document path", for what looks like a file between backticks.
named_files() {
    # shellcheck disable=SC2086 # a list
    grep -HoE "${tick}[A-Za-z0-9_.-]*[A-Za-z0-9_/-]+(\.(hpp|cpp|txt|md|sh|awk|varlink|in|[58])|/)?${tick}" $documents |
        tr -d "$tick" | tr : ' ' | sort -u |
        grep -E ' .*\.(hpp|cpp|txt|md|sh|awk|varlink|in|[58])$| (libiscsi|iscsid|iscsiadm|etc|man|tests|cmake|var-layout)/'
}

is_there() {
    local folder=${1%/*}
    [ "$folder" != "$1" ] || folder=.
    [ -e "$2" ] || [ -e "$folder/$2" ] ||
        { [[ $2 != */* ]] && [ -n "$(find "$folder" -name "$2" -not -path '*/build/*' -print -quit)" ]; }
}

while read -r document path; do
    is_there "$document" "$path" || { echo "$document: $path is not there"; status=1; }
done < <(named_files)

# "document stem": words of the first column of a table that is headed "| file |". "_x" behind "y" is y_x.
tabled_files() {
    # shellcheck disable=SC2086 # a list
    awk -F'|' '
        /^\| *file *\|/ { in_table = 1; next }
        !/^\|/ { in_table = 0 }
        in_table && $2 !~ /^-+$/ {
            count = split($2, words, "\x60")
            for (i = 2; i <= count; i += 2) {
                if (words[i] ~ /^_/) words[i] = first words[i]
                else first = words[i]
                print FILENAME, words[i]
            }
        }' $documents
}

while read -r document stem; do
    compgen -G "${document%/*}/$stem*" >/dev/null || { echo "$document: no file $stem"; status=1; }
done < <(tabled_files)
exit $status
