#pragma once

#include "libiscsi/core/session/event.hpp"

#include <string>
#include <string_view>

namespace iscsi {

inline fault session_fault(
    session_errc code, std::string_view field, std::string got = {}, std::string expected = {}
) {
    return {to_error_code(code), std::string(field), std::move(got), std::move(expected)};
}

// A number that should have been another one; the clause says why: "[RFC 7143 11.7.5]".
inline fault number_fault(
    session_errc code,
    std::string_view field,
    std::uint64_t got,
    std::uint64_t expected,
    std::string_view clause
) {
    return session_fault(
        code, field, std::to_string(got), std::to_string(expected).append(" ").append(clause)
    );
}

} // namespace iscsi
