#pragma once

#include <spdlog/common.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::sys {

// What a line is about, for programs that read the journal.
struct log_field {
    std::string_view name; // "ISCSI_TARGET"
    std::string value;
};

// Finds them in a line. Called by any thread.
using field_reader = std::function<std::vector<log_field>(std::string_view line)>;

// A line that programs look for, by its MESSAGE_ID (128 bits in hexadecimal; a literal):
//   spdlog::log(connection_lost, spdlog::level::warn, "…", …);
// It stands in the place of the source location, which is told nowhere.
constexpr spdlog::source_loc event(const char* message_id) {
    return {"", 1, message_id};
}

} // namespace iscsid::sys
