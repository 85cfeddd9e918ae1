#include "libiscsi/admin/record_file.hpp"

#include "libiscsi/admin/version.hpp"
#include "libiscsi/admin/words.hpp"

#include <algorithm>
#include <optional>

namespace iscsi::admin {

namespace {

// The limits of open-iscsi's own reader.
// A longer line would be cut there, and its end read as a line of its own.
constexpr std::size_t longest_line = 2047;
constexpr std::size_t longest_key = 127;

constexpr std::string_view first_words = "# BEGIN RECORD ";

// Before a key that a user has set: a comment for open-iscsi, which drops it with its next change.
constexpr std::string_view user_mark = "# set by user: ";

std::string place_of(std::string_view name, int number) {
    return std::string(name) + ":" + std::to_string(number);
}

// What may be shown of a line: the first word of what should be its key, if it looks like one, for
// the rest may be a secret. The file may hold anything: no control character gets to a terminal.
std::string shown(std::string_view line) {
    constexpr std::size_t enough = 40;
    const auto key = trim(line.substr(0, line.find('=')));
    std::string word(key.begin(), std::ranges::find_if(key, is_blank));
    if (word.find('.') == std::string::npos)
        return std::to_string(key.size()) + " bytes";
    std::ranges::replace_if(
        word, [](char c) { return c < '!' || c > '~'; }, '?'
    );
    return word.size() > enough ? word.substr(0, enough) + "..." : word;
}

// Comments begin at the start of a line, nowhere else: "#" may be part of a secret.
bool is_setting(std::string_view line) {
    return !line.empty() && line.front() != '#';
}

bool is_bad_in_key(char c) {
    return is_blank(c) || is_control(c);
}

// The lines of a text, counted from 1.
// Lines end with "\n"; a "\r" before it counts as a blank at the end of the value.
class line_reader {
  public:
    explicit line_reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }

    bool is_whole() const { return whole_; }

    int number() const { return number_; }

    std::string_view next() {
        const auto end = rest_.find('\n');
        whole_ = end != std::string_view::npos;
        const auto line = rest_.substr(0, end);
        rest_.remove_prefix(std::min(rest_.size(), line.size() + 1));
        ++number_;
        return line;
    }

  private:
    std::string_view rest_;
    int number_ = 0;
    bool whole_ = true; // the last line that was given
};

struct line_fault {
    file_errc why{};
    std::string got;
    std::string expected;
};

std::optional<line_fault> check_sizes(std::string_view key, std::string_view value) {
    if (key.empty() || std::any_of(key.begin(), key.end(), is_bad_in_key))
        return line_fault{file_errc::bad_key, shown(key), "one word before the ="};
    if (key.size() > longest_key)
        return line_fault{file_errc::key_too_long, shown(key), "at most 127 bytes"};
    if (value.size() > longest_value)
        return line_fault{
            file_errc::value_too_long,
            std::to_string(value.size()) + " bytes for " + shown(key),
            "at most 255 bytes"};
    return std::nullopt;
}

result<setting_line> cut_line(std::string_view line, std::string_view name, int number) {
    const auto refuse = [&](const line_fault& because) {
        return fault{
            to_error_code(because.why), place_of(name, number), because.got, because.expected};
    };
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
        return refuse({file_errc::no_equals_sign, shown(line), "key = value"});
    const auto key = trim(line.substr(0, equals));
    const auto value = trim(line.substr(equals + 1));
    if (const auto because = check_sizes(key, value))
        return refuse(*because);
    return setting_line{number, std::string(key), std::string(value)};
}

// A file that a full disk has cut mostly ends inside a line, and half a number is a number.
fault without_newline(std::string_view name, int number) {
    return {
        to_error_code(file_errc::truncated),
        place_of(name, number),
        "a last line without its end",
        "a newline"};
}

result<void> check_length(std::string_view line, std::string_view name, int number) {
    if (line.size() <= longest_line)
        return {};
    return fault{
        to_error_code(file_errc::line_too_long),
        place_of(name, number),
        std::to_string(line.size()) + " bytes",
        "at most 2047 bytes"};
}

// Its first and its last line: a program writes both, a person mostly neither.
struct frame {
    bool begins = false;
    bool ends = false;
};

frame frame_of(std::string_view text) {
    frame found;
    line_reader lines(text);
    while (!lines.at_end()) {
        const auto line = trim(lines.next());
        found.begins |= line.starts_with(first_words);
        found.ends |= line == record_end;
    }
    return found;
}

// Which key and why stand in its words; a masked value does not.
std::string why_bad(const fault& why, std::string_view name, int number) {
    auto in_file = at_line(why, name, number);
    in_file.got = why.code.message() + (why.got.empty() ? "" : " " + why.got);
    in_file.code = to_error_code(file_errc::bad_value);
    return in_file.text();
}

std::string_view without_encoding_mark(std::string_view text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

result<std::optional<setting_line>>
read_line(std::string_view line, std::string_view name, int number) {
    if (auto fits = check_length(line, name, number); !fits)
        return fits.error();
    if (!is_setting(trim(line)))
        return std::optional<setting_line>();
    auto cut = cut_line(line, name, number);
    if (!cut)
        return cut.error();
    return std::optional(std::move(*cut));
}

} // namespace

const char* category_name(file_errc /*unused*/) {
    return "file";
}

std::string_view message_of(file_errc error) {
    switch (error) {
    case file_errc::no_equals_sign:
        return "line without an equals sign";
    case file_errc::line_too_long:
        return "line too long";
    case file_errc::key_too_long:
        return "key too long";
    case file_errc::value_too_long:
        return "value too long";
    case file_errc::bad_value:
        return "bad value";
    case file_errc::truncated:
        return "truncated";
    case file_errc::not_found:
        return "not found";
    case file_errc::read_failed:
        return "cannot be read";
    case file_errc::write_failed:
        return "cannot be written";
    case file_errc::bad_key:
        return "bad key";
    case file_errc::lock_failed:
        return "cannot be locked";
    case file_errc::misplaced:
        return "does not belong to its path";
    }
    return "unknown error";
}

// Exactly what open-iscsi 2.1.8 would write, so that its tools can read the tree when somebody goes
// back.
std::string format_record(const record& from) {
    std::string text(first_words);
    text.append(compatible_version).append("\n");
    for (const auto& key : from.user_keys())
        text.append(user_mark).append(key).append("\n");
    for (const auto& [key, value] : from.entries())
        if (!value.empty())
            text.append(key).append(" = ").append(value).append("\n");
    return text.append(record_end).append("\n");
}

namespace {

// Old records of open-iscsi say "default" where nothing is set, and its listings "<empty>". Taken
// for a name or a device, it would be one that does not exist.
bool means_unset(const setting_line& line) {
    return (line.value == "default" || line.value == "<empty>") && line.key.starts_with("iface.") &&
           line.key != "iface.iscsi_ifacename";
}

void take_user_marks(std::string_view text, record& to) {
    line_reader lines(text);
    while (!lines.at_end())
        if (const auto line = lines.next(); line.starts_with(user_mark))
            to.mark_set_by_user(trim(line.substr(user_mark.size())));
}

} // namespace

namespace {

// The end line is what tells a whole record from one that lost its last lines. What comes behind it
// is somebody's note. A person writes a record without the two lines: whole, if its last line is.
void check_whole(std::string_view text, const scanned_lines& scanned, record& to, fault why) {
    const auto found = frame_of(text);
    if (trim(text).empty()) {
        why.got = "an empty file";
        to.mark_damaged(wholeness::empty, why.text());
        return;
    }
    // A power cut fills a file with zeros.
    const bool is_text = text.find('\0') == std::string_view::npos;
    const bool by_hand = !found.begins && !scanned.lines.empty() &&
                         (text.ends_with('\n') || to.kind() == record_kind::interface);
    const bool says_something = !scanned.lines.empty() || !scanned.flaws.empty();
    const bool written = found.ends && (found.begins || says_something);
    if (!is_text || (!by_hand && !written))
        to.mark_damaged(wholeness::cut, why.text());
}

} // namespace

record parse_record(record_kind kind, std::string_view text, std::string_view name) {
    text = without_encoding_mark(text);
    const auto scanned = scan_lines(text, name);
    record to(kind);
    check_whole(
        text,
        scanned,
        to,
        {to_error_code(file_errc::truncated),
         std::string(name),
         "no end line",
         std::string(record_end)}
    );
    for (const auto& line : scanned.lines)
        if (const auto taken = to.set(line.key, means_unset(line) ? "" : line.value); !taken)
            to.keep_bad({line.key, line.value, why_bad(taken.error(), name, line.number)});
    for (const auto& flaw : scanned.flaws)
        to.keep_bad({"", "", flaw.text()});
    take_user_marks(text, to);
    return to;
}

scanned_lines scan_lines(std::string_view text, std::string_view name) {
    scanned_lines all;
    line_reader lines(without_encoding_mark(text));
    while (!lines.at_end()) {
        const auto text_of_line = lines.next();
        auto line = read_line(text_of_line, name, lines.number());
        if (!line) {
            all.flaws.push_back(line.error());
        } else if (*line) {
            all.lines.push_back(std::move(**line));
            if (!lines.is_whole())
                all.flaws.push_back(without_newline(name, lines.number()));
        }
    }
    return all;
}

result<key_values> parse_lines(std::string_view text, std::string_view name) {
    auto scanned = scan_lines(text, name);
    if (!scanned.flaws.empty())
        return scanned.flaws.front();
    key_values values;
    for (auto& line : scanned.lines) {
        const auto same = [&line](const auto& entry) { return entry.first == line.key; };
        const auto earlier = std::find_if(values.begin(), values.end(), same);
        if (earlier == values.end())
            values.emplace_back(std::move(line.key), std::move(line.value));
        else
            earlier->second = std::move(line.value);
    }
    return values;
}

fault at_line(fault why, std::string_view name, int number) {
    why.field = place_of(name, number) + ": " + why.field;
    return why;
}

} // namespace iscsi::admin
