#pragma once

#include "libiscsi/base/bytes.hpp"

namespace iscsi {

// The data segment of a SCSI Response (RFC 7143 §11.4.7) and of a SCSI asynchronous event (§11.9.4)
// begins with SenseLength and sense. One that does not add up holds no sense.
inline bytes_view sense_in(bytes_view segment) {
    constexpr std::size_t length_field = 2;
    if (segment.size() < length_field)
        return {};
    const std::size_t length = load_be16(segment.data());
    const auto rest = segment.subspan(length_field);
    return length <= rest.size() ? rest.first(length) : bytes_view{};
}

} // namespace iscsi
