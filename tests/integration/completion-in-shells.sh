#!/usr/bin/env bash
# What a TAB offers in bash; in zsh and fish where they are installed. Names have colons, at which bash
# cuts words.
. "$(dirname "$0")/../support/functions.sh"
scripts=$PWD/etc/completion
other=iqn.2026-01.org.example:other
for name in "$TARGET_NAME" "$other"; do
    expect_exit 0 iscsiadm -m node -T "$name" -p 127.0.0.1:3260,1 -o new
done

usual_breaks=$' \t\n"\'><=;|&(:'

# in_bash LINE [BREAKS]: the candidates with the cursor at its end, as readline would get them.
in_bash() {
    bash -c '
        source "$1/iscsiadm.bash"
        COMP_WORDBREAKS=$3 COMP_LINE=$2 COMP_POINT=${#2}
        _iscsiadm
        printf "%s\n" "${COMPREPLY[@]}"' - "$scripts" "$1" "${2-$usual_breaks}"
}

expect_candidates() { # NAME GOT WANTED
    [ "$(sort <<<"$2")" = "$(sort <<<"$3")" ] || fail "$1 offers: $2, expected: $3"
}

expect_candidates modes "$(in_bash 'iscsiadm -m disc')" $'discovery\ndiscoverydb'
# Up to the last colon the word is readline's.
expect_candidates targets "$(in_bash "iscsiadm -m node -T ${other%ther}")" other
expect_candidates "long options" "$(in_bash "iscsiadm -m node --targetname=${other%ther}")" other
expect_candidates "whole words" "$(in_bash "iscsiadm -m node -T ${other%ther}" ' ')" "$other"
expect_candidates targets "$(in_bash 'iscsiadm -m node -T ' | tr '\n' ' ')" "$other $TARGET_NAME "
expect_candidates values "$(in_bash 'iscsiadm -m node -n node.startup -v a')" automatic
expect_candidates nothing "$(in_bash 'iscsiadm -m node -T iqn.none')" ""

if command -v fish >/dev/null; then
    got=$(fish -c "source $scripts/iscsiadm.fish; complete -C 'iscsiadm -m node -T ${other%ther}'")
    expect_candidates fish "$got" "$other"
fi
if command -v zsh >/dev/null; then
    # shellcheck disable=SC2016 # for zsh
    got=$(zsh -fc 'compadd() { print -rl -- "${(@P)2}" }
        words=(iscsiadm -m node -T "$2"); CURRENT=5; source "$1/_iscsiadm"' - "$scripts" "${other%ther}")
    expect_candidates zsh "$got" "$other"
fi
