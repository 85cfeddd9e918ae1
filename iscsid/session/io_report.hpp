#pragma once

#include "iscsid/lane/note.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// What the log says of requests and units that are not well: one sentence each, for people.
namespace iscsid::session {

// `disk`: the name of the unit's node under /dev, "" when it has none.
//
//   LUN 2 (sdc): WRITE of 8 blocks (4096 bytes) at LBA 1234 failed after 6 tries with Input/output
//   error: CHECK CONDITION, MEDIUM ERROR 0C/00 (the 4th; 1 more since the last line)
std::string describe(const lane::io_trouble& what, std::string_view disk);
std::string describe(const lane::identity_change& what, std::string_view disk);
std::string describe(const lane::fence_moved& what, std::string_view disk);
std::string describe(const lane::reset_ordered& what, std::string_view disk);

// "LUN 2 (sdc)".
std::string unit_name(const iscsi::lun_field& lun, std::string_view disk);

// " (4 in a row; 1 without a line)", "" for the first: a line stands for more than itself.
std::string count_words(std::uint64_t count, std::uint64_t untold);

// Each writes one line; `session` is how the log names it.
void report(std::string_view session, std::string_view disk, const lane::io_trouble& what);
void report(std::string_view session, std::string_view disk, const lane::identity_change& what);
void report(std::string_view session, std::string_view disk, const lane::fence_moved& what);
void report(std::string_view session, std::string_view disk, const lane::reset_ordered& what);

} // namespace iscsid::session
