#include "libiscsi/base/hex.hpp"
#include "libiscsi/core/login/login.hpp"

#include <algorithm>
#include <array>

namespace iscsi {

const char* category_name(login_errc) {
    return "iscsi.login";
}

std::string_view message_of(login_errc code) {
    switch (code) {
    case login_errc::unexpected_stage:
        return "answer from another login stage";
    case login_errc::unexpected_transit:
        return "stage transition that was not asked for";
    case login_errc::version_not_supported:
        return "protocol version not supported";
    case login_errc::wrong_task_tag:
        return "wrong task tag";
    case login_errc::wrong_isid:
        return "wrong ISID";
    case login_errc::wrong_session_handle:
        return "wrong TSIH";
    case login_errc::status_refused:
        return "login refused";
    case login_errc::bad_redirect:
        return "redirection without a usable address";
    case login_errc::too_many_exchanges:
        return "login does not end";
    case login_errc::text_too_long:
        return "login text too long";
    case login_errc::key_not_understood:
        return "key has no place here";
    case login_errc::key_repeated:
        return "key negotiated twice";
    case login_errc::value_out_of_range:
        return "value out of range";
    case login_errc::value_not_offered:
        return "value was not offered";
    case login_errc::key_rejected:
        return "key rejected";
    case login_errc::authentication_required:
        return "target did not authenticate";
    case login_errc::authentication_method_unsupported:
        return "authentication method not supported";
    case login_errc::chap_failed:
        return "CHAP failed";
    case login_errc::unusable_credentials:
        return "CHAP credentials cannot be used";
    }
    return "unknown login error";
}

namespace {

struct status_row {
    std::uint8_t status_class;
    std::uint8_t status_detail;
    std::string_view text;
};

// RFC 7143 §11.13.5. The first row of a class also speaks for details that it does not know.
constexpr std::array status_rows{
    status_row{0, 0x00, "Success"},
    status_row{1, 0x00, "Redirection"},
    status_row{1, 0x01, "Target moved temporarily"},
    status_row{1, 0x02, "Target moved permanently"},
    status_row{2, 0x00, "Initiator error"},
    status_row{2, 0x01, "Authentication failure"},
    status_row{2, 0x02, "Authorization failure"},
    status_row{2, 0x03, "Not found"},
    status_row{2, 0x04, "Target removed"},
    status_row{2, 0x05, "Unsupported version"},
    status_row{2, 0x06, "Too many connections"},
    status_row{2, 0x07, "Missing parameter"},
    status_row{2, 0x08, "Can't include in session"},
    status_row{2, 0x09, "Session type not supported"},
    status_row{2, 0x0a, "Session does not exist"},
    status_row{2, 0x0b, "Invalid request during login"},
    status_row{3, 0x00, "Target error"},
    status_row{3, 0x01, "Service unavailable"},
    status_row{3, 0x02, "Out of resources"},
};

} // namespace

std::string_view login_status_text(std::uint8_t status_class, std::uint8_t status_detail) {
    std::string_view text = "Unknown status class";
    for (const auto& row : status_rows) {
        if (row.status_class != status_class)
            continue;
        if (row.status_detail == 0 || row.status_detail == status_detail)
            text = row.text;
    }
    return text;
}

std::string describe_refusal(const login_refusal& refusal) {
    std::string text = "target answered ";
    text.append(hex_of(refusal.status_class, 2)).append(hex_of(refusal.status_detail, 2));
    text.append(": ").append(login_status_text(refusal.status_class, refusal.status_detail));
    if (refusal.offered_digests.empty())
        return text;
    text += " to the CHAP digests " + refusal.offered_digests;
    if (refusal.offered_digests != "MD5")
        text += "; it may know others: try node.session.auth.chap_algs = MD5";
    return text;
}

} // namespace iscsi
