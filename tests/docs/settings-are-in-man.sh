#!/usr/bin/env bash
# Every row of the settings table is in iscsid.conf(5), and the reverse. The page says of each what the
# row says: first what it means,
# then what it takes, in which unit, its default, and the key of RFC 7143 that it becomes.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "name<tab>text<tab>(what it takes)" of each entry; macros and line breaks are taken out.
entries_of_page() {
    awk '
        function finish() {
            if (name == "") return
            gsub(/\\[&-]/, "", takes)
            gsub(/  +/, " ", takes)
            gsub(/\\&/, "", text)
            gsub(/ ([,;:.])/, "&", text)
            print name "\t" text "\t" takes
            name = ""
        }
        /^\.It (Cm|Va|Sy) / { finish(); name = $3; gsub(/"/, "", name); text = takes = ""; behind = 0; next }
        /^\.(El|Sh|Ss|Bl)/ { finish(); next }
        name == "" { next }
        /^\.br/ { behind = 1; next }
        { sub(/^\.[A-Z][a-z] /, ""); gsub(/\\-/, "-") }
        behind { takes = takes (takes == "" ? "" : " ") $0; next }
        { text = text (text == "" ? "" : " ") $0 }
        END { finish() }' man/iscsid.conf.5 | sort -u
}

"$BUILD/tests/docs/list-settings" | sort -u >"$work/table"
entries_of_page >"$work/page"
diff <(cut -f 1,3 "$work/table" | sort -u) <(cut -f 1,3 "$work/page" | sort -u) || {
    echo "the table (<) and man/iscsid.conf.5 (>) differ"
    exit 1
}

# The page begins as the row does; it may go on.
awk -F'\t' '
    function plain(text) {
        gsub(/[^A-Za-z0-9]+/, " ", text)
        sub(/ $/, "", text)
        return tolower(text)
    }
    NR == FNR { told[$1] = told[$1] plain($2) "\n"; next }
    index("\n" told[$1], "\n" substr(plain($2), 1, 40)) == 0 {
        print $1 ": the table says \"" $2 "\", the page \"" told[$1] "\""; bad = 1
    }
    END { exit bad }' "$work/page" "$work/table"
