#pragma once

#include "libiscsi/admin/record.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsi::admin {

enum class file_errc {
    no_equals_sign = 1,
    line_too_long,  // > 2047 bytes
    key_too_long,   // > 127 bytes
    value_too_long, // > 255 bytes
    bad_value,
    truncated, // no "# END RECORD", or the last line has no newline
    not_found,
    read_failed,
    write_failed,
    bad_key,     // empty, or with blanks or control characters
    lock_failed, // somebody else changes the records, for too long
    misplaced,   // a record whose path does not say what it says
};

const char* category_name(file_errc);
std::string_view message_of(file_errc);

// A longer value is none.
inline constexpr std::size_t longest_value = 255;

// The last line of a record.
inline constexpr std::string_view record_end = "# END RECORD";

// The text of a record file: "# BEGIN RECORD <version>", "key = value", "# END RECORD". Empty
// values are left out on disk. Comments behind the first line name the keys that a user has set.
std::string format_record(const record& from);

// Never refuses. A record that begins and does not end, an empty text and one without a setting
// make a damaged record (record::is_damaged); administrators write records without the two lines,
// which are whole when their last line is. A line that is none, or has a value that its key does
// not take, spoils nothing else: the record keeps it as a bad value. `name` is for messages.
record parse_record(record_kind kind, std::string_view text, std::string_view name);

// "key = value" lines in any order, "#" comments: iscsid.conf. Last value of a key wins. Every
// line ends with a newline: a last one without it may have lost its end.
using key_values = std::vector<std::pair<std::string, std::string>>;
result<key_values> parse_lines(std::string_view text, std::string_view name);

// The same with the numbers of the lines, each key as often as it stands there.
struct setting_line {
    int number = 0;
    std::string key;
    std::string value;
};

// What can be read of a text, and what cannot, with file, line and the offending words. A mark of
// the encoding at its beginning (BOM) is passed over. A last setting without a newline stands in
// both: a person forgets it, a full disk cuts there.
struct scanned_lines {
    std::vector<setting_line> lines;
    std::vector<fault> flaws;
};

scanned_lines scan_lines(std::string_view text, std::string_view name);

// A setting fault, with the place of the line in front of its field: "iscsid.conf:12: key".
fault at_line(fault why, std::string_view name, int number);

} // namespace iscsi::admin
