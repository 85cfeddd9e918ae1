# The figures of the house, from source that clang-format has laid out. Each line printed is a word
# and its values, separated by tabs:
#   function  file  line  lines        lines: of its body, braces included; 1 when it stands on one line
#   class     file  name  functions    declared or defined in it, constructors included
#   room      name  code  comments  behind    lines that hold code; that are a comment; with one behind
#                                             the code
# A comment that closes a namespace or speaks to a tool is none, and neither is an empty one.
function room_of(file) {
    sub(/\/[^\/]*$/, "", file)
    return file
}

# The line without comments and without what stands between quotes.
function bare(line) {
    gsub(/\\./, "", line)
    gsub(/"[^"]*"/, "0", line)
    gsub(/'[^']*'/, "0", line)
    sub(/\/\/.*$/, "", line)
    gsub(/\/\*[^*]*\*\//, "", line)
    return line
}

function says_something(comment) {
    sub(/^.*\/\/+/, "", comment)
    return comment ~ /[A-Za-z]/ && comment !~ /^ *(namespace|NOLINT|clang-format)/
}

function count_comment(line,    room) {
    room = room_of(FILENAME)
    if (line ~ /^[ ]*\/\//) {
        comments[room] += says_something(line)
        return
    }
    if (line ~ /[^ ]/) ++code[room]
    gsub(/"[^"]*"/, "", line)
    if (line ~ /\/\/ /) behind[room] += says_something(line)
}

function strip_templates(text) {
    while (match(text, /<[^<>()]*>/)) text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
    gsub(/(^|[ ])template[ ]/, " ", text)
    return text
}

function kind_of(text, before,    plain) {
    if (scope[depth] != "namespace" && scope[depth] != "class") return "inner"
    if (text ~ /(^|[ ])namespace([ ]|$)/ || text ~ /extern 0 *$/) return "namespace"
    if (before != " ") return "braces" # name{value}: an initializer
    plain = strip_templates(text)
    if (plain ~ /(^|[ ])enum[ ]/ || plain ~ /=[ ]*$/) return "braces"
    if (plain ~ /(^|[ ])(class|struct|union)[ ]/ && plain !~ /\)/) return "class"
    return plain ~ /\)/ ? "function" : "braces"
}

function class_name(text) {
    text = strip_templates(text)
    sub(/^.*(class|struct|union)[ ]+/, "", text)
    sub(/[ :].*$/, "", text)
    return text
}

function is_member_function(text) {
    text = strip_templates(text)
    sub(/^[ ]*(public|private|protected):/, "", text)
    if (text ~ /^[ ]*(using|friend|static_assert|typedef)/) return 0
    sub(/[^=!<>]=[^=].*$/, "", text) # an initial value
    return text ~ /[A-Za-z_0-9=\]+*!<>-]\(/
}

function open_brace(before) {
    ++depth
    scope[depth] = "inner"
    --depth
    kind = kind_of(statement, before)
    if (kind == "class") {
        name[depth + 1] = class_name(statement)
        members[depth + 1] = 0
    } else if (kind == "function") {
        if (scope[depth] == "class") members[depth] += is_member_function(statement)
    }
    ++depth
    scope[depth] = kind
    opened[depth] = FNR
    if (kind != "braces" && kind != "inner") statement = ""
}

function close_brace() {
    if (scope[depth] == "function")
        print "function\t" FILENAME "\t" opened[depth] "\t" (FNR - opened[depth] + 1)
    if (scope[depth] == "class")
        print "class\t" FILENAME "\t" name[depth] "\t" members[depth]
    kind = scope[depth]
    --depth
    if (kind != "braces" && kind != "inner") statement = ""
}

function end_statement() {
    if (scope[depth] == "class") members[depth] += is_member_function(statement)
    if (scope[depth] == "class" || scope[depth] == "namespace") statement = ""
}

FNR == 1 {
    depth = 0
    scope[0] = "namespace"
    statement = ""
    parens = 0
}

{ count_comment($0) }

/^[ ]*#/ { next } # the preprocessor's

{
    line = bare($0)
    while (match(line, /[{};()]/)) {
        mark = substr(line, RSTART, 1)
        before = RSTART > 1 ? substr(line, RSTART - 1, 1) : " "
        outer = scope[depth] == "namespace" || scope[depth] == "class"
        if (outer) statement = statement substr(line, 1, RSTART - 1)
        line = substr(line, RSTART + 1)
        if (mark == "(" || mark == ")") {
            if (outer) {
                parens += mark == "(" ? 1 : -1
                statement = statement mark
            }
        } else if (mark == "{") open_brace(parens > 0 ? "(" : before)
        else if (mark == "}") close_brace()
        else if (parens == 0) end_statement()
    }
    if (scope[depth] == "namespace" || scope[depth] == "class") statement = statement line " "
}

END {
    for (room in code) print "room\t" room "\t" code[room] "\t" comments[room] + 0 "\t" behind[room] + 0
}
