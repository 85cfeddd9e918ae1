#pragma once

#include "libiscsi/admin/record.hpp"

#include <string>
#include <string_view>

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
};

const char* category_name(file_errc);
std::string_view message_of(file_errc);

// The text of a record file: "# BEGIN RECORD <version>", "key = value", "# END RECORD". Empty
// values are left out on disk.
std::string format_record(const record& from);

// Faults: file_errc, with line number and the offending words. A record without its end line is
// refused as truncated; `name` is for the message.
result<record> parse_record(record_kind kind, std::string_view text, std::string_view name);

// "key = value" lines in any order, "#" comments: iscsid.conf. Last value of a key wins.
using key_values = std::vector<std::pair<std::string, std::string>>;
result<key_values> parse_lines(std::string_view text, std::string_view name);

} // namespace iscsi::admin
