# shellcheck shell=bash
# bash cuts words at colons and equal signs, which are part of names here: the line is cut at blanks
# instead, and what readline keeps of the word is taken from the candidates.
_iscsiadm() {
    local line=${COMP_LINE:0:COMP_POINT} words kept
    read -ra words <<<"$line"
    case $line in *[[:blank:]]) words+=('') ;; esac
    mapfile -t COMPREPLY < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
    kept=${words[-1]}
    case $COMP_WORDBREAKS in
        *:*=* | *=*:*) kept=${kept%"${kept##*[:=]}"} ;;
        *:*) kept=${kept%"${kept##*:}"} ;;
        *=*) kept=${kept%"${kept##*=}"} ;;
        *) kept='' ;;
    esac
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
complete -F _iscsiadm iscsiadm
