#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/parameters.hpp"
#include "libiscsi/names/portal.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

// The login phase of one connection (RFC 7143 §6), PDU by PDU, without I/O. The connection owns
// the framing, the numbers that live longer than a login, and the timer.
namespace iscsi {

enum class login_errc {
    unexpected_stage = 1, // §6.3: CSG/NSG jump that was not asked for
    unexpected_transit,
    version_not_supported, // only version 0 exists
    wrong_task_tag,
    wrong_isid,
    wrong_session_handle, // TSIH 0 in the last response, or another than the session's
    status_refused,       // status class 2 or 3; class and detail are in login_refusal
    bad_redirect,
    too_many_exchanges, // more than 64 rounds
    text_too_long,
    key_not_understood, // a key of the wrong phase or direction
    key_repeated,
    value_out_of_range,
    value_not_offered,
    key_rejected,
    authentication_required, // the target skipped what we insist on
    authentication_method_unsupported,
    chap_failed,          // the target could not prove itself, or broke the CHAP rules
    unusable_credentials, // CHAP is configured so that it cannot be safe
};

const char* category_name(login_errc);
std::string_view message_of(login_errc);

// What a Login Response leads to.
struct login_send { // send this request with this text as data segment
    login_request request;
    std::string data;
};

struct login_complete { // full feature phase
    operational_parameters parameters;
    std::uint16_t target_session_identifying_handle = 0;
    std::string target_alias;
    std::vector<negotiation_warning> warnings = {}; // what the target got wrong, harmlessly
};

struct login_redirect { // status class 1
    portal to;
    bool permanent = false;
};

struct login_refusal { // status class 2 or 3
    std::uint8_t status_class = 0;
    std::uint8_t status_detail = 0;
    std::string offered_digests = {}; // "SHA256,MD5": this is the answer to CHAP_A; else empty
};

struct login_wants_entropy { // mutual CHAP needs a challenge; call entropy() with as many bytes
    std::size_t bytes = 0;
};

using login_step =
    std::variant<login_send, login_complete, login_redirect, login_refusal, login_wants_entropy>;

// The words of RFC 7143 §11.13.5 for a status class and detail ("Authentication failure").
std::string_view login_status_text(std::uint8_t status_class, std::uint8_t status_detail);

// The same with what helps: a target that ends the login over the list of CHAP digests (RFC 7143
// §12.1.3) often knows MD5 only.
std::string describe_refusal(const login_refusal& refusal);

// One login attempt. Inside, one type per phase; a function takes a phase and a response and gives
// the next phase. Full feature phase cannot be built without the proof that CHAP of the target was
// verified when it is configured.
class login {
  public:
    // The config must outlive the login. `session_handle` is the TSIH: 0 for a new session and for
    // reinstatement, the session's own for one more connection.
    login(
        const session_config& config,
        std::uint16_t connection_id,
        std::uint32_t command_sn,
        std::uint16_t session_handle = 0
    );
    ~login();
    login(login&&) noexcept;
    login& operator=(login&&) noexcept;

    // The first request. ExpStatSN of every request is filled in by the connection.
    login_send first();

    // Faults end the attempt with login_verdict::fatal.
    result<login_step> on_response(const login_response& response, bytes_view data);
    result<login_step> entropy(bytes_view bytes);

  private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace iscsi
