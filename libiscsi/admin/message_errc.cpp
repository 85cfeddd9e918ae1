#include "libiscsi/admin/message_errc.hpp"

namespace iscsi::admin {

const char* category_name(message_errc /*unused*/) {
    return "message";
}

std::string_view message_of(message_errc error) {
    switch (error) {
    case message_errc::missing_member:
        return "missing member";
    case message_errc::wrong_type:
        return "wrong type";
    case message_errc::out_of_range:
        return "out of range";
    case message_errc::unknown_member:
        return "unknown member";
    case message_errc::malformed:
        return "malformed JSON";
    case message_errc::too_long:
        return "too long";
    case message_errc::too_deep:
        return "nested too deep";
    case message_errc::duplicate_member:
        return "member given twice";
    }
    return "unknown error";
}

} // namespace iscsi::admin
