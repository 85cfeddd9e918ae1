#pragma once

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <string>

namespace iscsi::isns {

// What is wrong with what a peer sent.
enum class isns_errc {
    bad_header = 1, // version, flags or length
    bad_sequence,   // PDUs of one message do not follow each other
    bad_attribute,  // runs over the end of the message, or its length is no multiple of 4
    too_long,       // more than this side takes
    wrong_answer,   // another function or transaction than the one that was asked
    unknown_source, // the status says that the server does not know who asks, or will not tell it
    refused,        // any other status that is not 0
    bad_value,      // an attribute holds what its tag does not allow
};

const char* category_name(isns_errc);
std::string_view message_of(isns_errc);

fault isns_fault(isns_errc code, std::string field, std::string got, std::string expected);

// RFC 4171 §5.4.
enum class status : std::uint32_t {
    successful = 0,
    invalid_query = 5,
    source_unknown = 6,
    source_absent = 7,
    source_unauthorized = 8,
    no_such_entry = 9,
};

// "6 (Source Unknown)"; a number alone that the standard does not name.
std::string status_text(std::uint32_t code);

} // namespace iscsi::isns
