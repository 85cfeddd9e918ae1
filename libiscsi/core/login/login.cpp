#include "libiscsi/core/login/login.hpp"

#include "libiscsi/base/shown.hpp"
#include "libiscsi/core/login/key_value.hpp"
#include "libiscsi/core/login/phases.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

constexpr std::uint32_t task_tag = 0;         // one for the whole login, §11.12.6
constexpr std::size_t longest_segment = 8192; // §13.12: the default holds until full feature phase
constexpr std::size_t longest_text = 64UL * 1024;
constexpr unsigned most_exchanges = 64;

fault login_fault(login_errc code, std::string field, std::string got, std::string expected) {
    return {to_error_code(code), std::move(field), std::move(got), std::move(expected)};
}

fault number_fault(login_errc code, const char* field, std::uint32_t got, std::uint32_t expected) {
    return login_fault(code, field, std::to_string(got), std::to_string(expected));
}

std::string_view text_of(bytes_view data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

bytes_view bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// Status class 1: the target is elsewhere (§11.13.5, §13.8).
result<login_step> read_redirect(const login_response& response, bytes_view data) {
    constexpr std::uint8_t temporarily = 1;
    constexpr std::uint8_t permanently = 2;
    if (response.status_detail != temporarily && response.status_detail != permanently)
        return login_fault(
            login_errc::bad_redirect,
            "Status-Detail",
            std::to_string(response.status_detail),
            "1 or 2 [RFC 7143 11.13.5]"
        );
    const auto text = parse_text(data);
    const auto* const address = text.has_value() ? find_value(*text, "TargetAddress") : nullptr;
    if (address == nullptr)
        return login_fault(
            login_errc::bad_redirect, "TargetAddress", "none", "an address [RFC 7143 13.8]"
        );
    auto to = parse_target_address(*address);
    if (to.has_error())
        return login_fault(
            login_errc::bad_redirect, "TargetAddress", shown(*address), to.error().expected
        );
    return login_step(login_redirect{std::move(*to), response.status_detail == permanently});
}

} // namespace

struct login::implementation {
    implementation(const session_config& of, login_request first_header)
        : config(&of), header(first_header), phase(first_phase(of)) {}

    login_send say(phase_words words);
    login_send send_piece();
    login_send send_nothing();

    result<login_step> on_response(const login_response& response, bytes_view data);
    result<login_step> on_success(const login_response& response, bytes_view data);
    std::string offered_digests() const;
    result<void> check_identity(const login_response& response) const;
    result<void> check_stage(const login_response& response) const;
    result<void> collect(bytes_view data);
    result<login_step> on_answer(const login_response& response);
    result<login_step> on_entropy(bytes_view bytes);
    result<login_step> complete(const login_response& response, full_feature&& done) const;

    const session_config* config;
    login_request header; // what all requests of this login have in common
    login_phase phase;
    unsigned exchanges = 0;

    // What is being said: the words, the text that has not gone out yet, and whether the last
    // request asked to leave the stage.
    phase_words words;
    std::string unsent;
    bool asked_transit = false;

    std::string heard; // text of a response that goes on (C bit)
};

// ---- requests -----------------------------------------------------------------------------------

login_send login::implementation::say(phase_words what) {
    words = std::move(what);
    unsent = format_text(words.text);
    return send_piece();
}

// §6.2, §11.12.2: text that does not fit goes on in the next request, and T waits for its end.
login_send login::implementation::send_piece() {
    login_send next = send_nothing();
    const auto length = std::min(unsent.size(), longest_segment);
    next.data = unsent.substr(0, length);
    unsent.erase(0, length);
    next.request.continues = !unsent.empty();
    next.request.transit = unsent.empty() && words.next_stage.has_value();
    next.request.next_stage = words.next_stage.value_or(login_stage::security_negotiation);
    asked_transit = next.request.transit;
    return next;
}

// §6.2: text that goes on (C=1) is answered with an empty request.
login_send login::implementation::send_nothing() {
    asked_transit = false;
    login_send next{header, {}};
    next.request.current_stage = words.stage;
    return next;
}

// ---- responses ----------------------------------------------------------------------------------

result<login_step>
login::implementation::on_response(const login_response& response, bytes_view data) {
    if (++exchanges > most_exchanges)
        return number_fault(
            login_errc::too_many_exchanges, "Login Responses", exchanges, most_exchanges
        );
    if (response.initiator_task_tag != task_tag) // §11.13, §11.2.1.8
        return number_fault(
            login_errc::wrong_task_tag,
            "Login Response Initiator Task Tag",
            response.initiator_task_tag,
            task_tag
        );
    if (response.status_class == 1)
        return read_redirect(response, data);
    if (response.status_class != 0)
        return login_step(login_refusal{
            response.status_class, response.status_detail, offered_digests()});
    return on_success(response, data);
}

// The list that is being answered, if it is one.
std::string login::implementation::offered_digests() const {
    if (!std::holds_alternative<offer_algorithms>(phase))
        return {};
    const auto& names = config->auth.chap_algorithms;
    return join_list({names.begin(), names.end()});
}

// Status 0. The checks of the header come before a word of the text is believed; text of ours that
// did not fit goes out before anything that the target says is answered.
result<login_step>
login::implementation::on_success(const login_response& response, bytes_view data) {
    if (auto checked = check_identity(response); checked.has_error())
        return std::move(checked).error();
    if (auto checked = check_stage(response); checked.has_error())
        return std::move(checked).error();
    if (auto collected = collect(data); collected.has_error())
        return std::move(collected).error();
    if (!unsent.empty())
        return login_step(send_piece());
    if (response.continues)
        return login_step(send_nothing());
    return on_answer(response);
}

result<void> login::implementation::check_identity(const login_response& response) const {
    if (response.version_active != 0) // §11.13.2
        return number_fault(
            login_errc::version_not_supported,
            "Login Response Version-active",
            response.version_active,
            0
        );
    if (response.isid != config->isid) // §11.13, §11.12.5
        return login_fault(login_errc::wrong_isid, "Login Response ISID", "another", "ours");
    return {};
}

// §6.3, §11.13.3: the stage is ours, and T and NSG repeat what we asked for.
result<void> login::implementation::check_stage(const login_response& response) const {
    if (response.current_stage != words.stage)
        return number_fault(
            login_errc::unexpected_stage,
            "Login Response CSG",
            static_cast<std::uint32_t>(response.current_stage),
            static_cast<std::uint32_t>(words.stage)
        );
    if (!response.transit)
        return {};
    if (!asked_transit)
        return number_fault(login_errc::unexpected_transit, "Login Response T", 1, 0);
    if (response.next_stage != *words.next_stage)
        return number_fault(
            login_errc::unexpected_transit,
            "Login Response NSG",
            static_cast<std::uint32_t>(response.next_stage),
            static_cast<std::uint32_t>(*words.next_stage)
        );
    return {};
}

// Text may be cut anywhere between responses with C=1 (§6.1), also inside a key, so it is read when
// it is whole; how much that may be is bounded.
result<void> login::implementation::collect(bytes_view data) {
    if (data.size() > longest_text - heard.size())
        return login_fault(
            login_errc::text_too_long,
            "Login Response text",
            std::to_string(heard.size() + data.size()),
            std::to_string(longest_text)
        );
    heard += text_of(data);
    return {};
}

result<login_step> login::implementation::on_answer(const login_response& response) {
    auto text = parse_text(bytes_of(heard));
    heard.clear();
    if (text.has_error())
        return std::move(text).error();
    const phase_answer answer{response.transit, std::move(*text)};
    auto next = advance(std::move(phase), answer);
    if (next.has_error())
        return std::move(next).error();
    phase = std::move(*next);
    if (auto* const done = std::get_if<full_feature>(&phase))
        return complete(response, std::move(*done));
    if (const auto* const waiting = std::get_if<await_entropy>(&phase))
        return login_step(login_wants_entropy{waiting->bytes()});
    return login_step(say(describe(phase)));
}

result<login_step> login::implementation::on_entropy(bytes_view bytes) {
    auto* const waiting = std::get_if<await_entropy>(&phase);
    if (waiting == nullptr)
        return chap_fault("CHAP challenge", "random bytes", "none: they were not asked for");
    auto next = std::move(*waiting).with(bytes);
    if (next.has_error())
        return std::move(next).error();
    phase = std::move(*next);
    return login_step(say(describe(phase)));
}

// §11.13.4: the target names the session in its last response. One that leaves it unnamed can still
// be logged in to anew, which is all that happens at one connection a session.
result<login_step>
login::implementation::complete(const login_response& response, full_feature&& done) const {
    const auto handle = response.target_session_identifying_handle;
    const auto expected = header.target_session_identifying_handle;
    const bool unnamed = handle == 0 && expected == 0;
    const bool lenient = config->negotiation == negotiation_mode::lenient;
    if (unnamed && lenient)
        done.warnings.push_back({"TSIH", "0", "0"});
    else if (unnamed || (expected != 0 && handle != expected))
        return login_fault(
            login_errc::wrong_session_handle,
            "Login Response TSIH",
            std::to_string(handle),
            expected == 0 ? "not 0" : std::to_string(expected)
        );
    return login_step(login_complete{
        done.parameters, handle, std::move(done.target_alias), std::move(done.warnings)});
}

// ---- the façade ---------------------------------------------------------------------------------

login::login(
    const session_config& config,
    std::uint16_t connection_id,
    std::uint32_t command_sn,
    std::uint16_t session_handle
)
    : self_(std::make_unique<implementation>(
          config,
          login_request{
              .isid = config.isid,
              .target_session_identifying_handle = session_handle,
              .initiator_task_tag = task_tag,
              .connection_id = connection_id,
              .command_sn = command_sn}
      )) {}

login::~login() = default;
login::login(login&&) noexcept = default;
login& login::operator=(login&&) noexcept = default;

login_send login::first() {
    return self_->say(describe(self_->phase));
}

result<login_step> login::on_response(const login_response& response, bytes_view data) {
    return self_->on_response(response, data);
}

result<login_step> login::entropy(bytes_view bytes) {
    return self_->on_entropy(bytes);
}

} // namespace iscsi
