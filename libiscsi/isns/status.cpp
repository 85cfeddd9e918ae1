#include "libiscsi/isns/status.hpp"

#include <array>

namespace iscsi::isns {

const char* category_name(isns_errc /*unused*/) {
    return "iSNS";
}

std::string_view message_of(isns_errc what) {
    switch (what) {
    case isns_errc::bad_header:
        return "bad PDU header";
    case isns_errc::bad_sequence:
        return "PDUs of a message do not follow each other";
    case isns_errc::bad_attribute:
        return "bad attribute";
    case isns_errc::too_long:
        return "too long";
    case isns_errc::wrong_answer:
        return "no answer to what was asked";
    case isns_errc::unknown_source:
        return "refused to who asks";
    case isns_errc::refused:
        return "refused";
    case isns_errc::bad_value:
        return "bad value";
    }
    return "unknown";
}

fault isns_fault(isns_errc code, std::string field, std::string got, std::string expected) {
    return {to_error_code(code), std::move(field), std::move(got), std::move(expected)};
}

// By the names of RFC 4171 §5.4, which people look for.
std::string status_text(std::uint32_t code) {
    constexpr std::array<std::string_view, 24> names{
        "Successful",
        "Unknown Error",
        "Message Format Error",
        "Invalid Registration",
        "",
        "Invalid Query",
        "Source Unknown",
        "Source Absent",
        "Source Unauthorized",
        "No Such Entry",
        "Version Not Supported",
        "Internal Error",
        "Busy",
        "Option Not Understood",
        "Invalid Update",
        "Message Not Supported",
        "SCN Event Rejected",
        "SCN Registration Rejected",
        "Attribute Not Implemented",
        "FC_DOMAIN_ID Not Available",
        "FC_DOMAIN_ID Not Allocated",
        "ESI Not Available",
        "Invalid Deregistration",
        "Registration Feature Not Supported"};
    auto text = std::to_string(code);
    if (code < names.size() && !names[code].empty())
        text.append(" (").append(names[code]).append(")");
    return text;
}

} // namespace iscsi::isns
