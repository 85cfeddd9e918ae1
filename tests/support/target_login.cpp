#include "tests/support/target_link.hpp"

#include "libiscsi/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

// The login phase of the target's side (RFC 7143 §6.3).
namespace iscsi::test {
namespace {

constexpr std::uint8_t initiator_error = 2;
constexpr std::uint8_t authentication_failure = 1;
constexpr std::size_t longest_login = 8192;

bool is_identity(const std::string& key) {
    return key == "InitiatorName" || key == "InitiatorAlias" || key == "TargetName" ||
           key == "SessionType" || key == "AuthMethod" || key.starts_with("CHAP_");
}

// What a target answers to a key whatever was offered.
void overrule(text_pairs& answers, std::string_view key, std::optional<std::uint16_t> with) {
    if (with)
        for (auto& pair : answers)
            if (pair.key == key)
                pair.value = std::to_string(*with);
}

std::string value_or(const text_pairs& text, std::string_view key, const char* otherwise) {
    const auto* const value = find_value(text, key);
    return value == nullptr ? otherwise : *value;
}

bool has_name(const target_options& options, const std::string& name) {
    if (name == options.name)
        return true;
    if (!name.starts_with(options.name + "-"))
        return false;
    const auto number = name.substr(options.name.size() + 1);
    unsigned value = 0;
    const auto* const end = number.data() + number.size();
    const auto read = std::from_chars(number.data(), end, value);
    return read.ec == std::errc() && read.ptr == end && value >= 1 &&
           value <= options.further_names;
}

} // namespace

void target_link::handle_login(const login_request& request, bytes_view data) {
    if (!numbers_known_) {
        expected_command_sn_ = request.command_sn;
        numbers_known_ = true;
    }
    login_text_.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (login_text_.size() > longest_login && target_->options().habits.closes_on_long_login)
        return end();
    if (request.continues) {
        send_login_response({}, request, {});
        return;
    }
    const auto text = parse_text(bytes_of(login_text_), login_text_.size());
    login_text_.clear();
    if (text.has_error()) {
        violation("Login text: " + text.error().text());
        refuse_login(request, initiator_error, 0x00);
        return;
    }
    answer_login(request, *text);
}

void target_link::answer_login(const login_request& request, const text_pairs& text) {
    const auto& options = target_->options();
    if (initiator_name_.empty() && !identify(request, text))
        return;
    if (options.refuse_login)
        return refuse_login(request, options.refuse_login->first, options.refuse_login->second);
    if (!options.redirect_to.empty())
        return refuse_login(request, 1, 1, {{"TargetAddress", options.redirect_to}});
    auto proof = authenticate(request, text);
    if (!proof)
        return;
    auto answers = negotiate(request, text);
    if (!answers)
        return refuse_login(request, initiator_error, 0x00);
    answers->insert(answers->begin(), proof->begin(), proof->end());
    put_tag_first(*answers);
    if (request.transit && request.next_stage == login_stage::full_feature)
        return enter_full_feature(request, *answers);
    login_response response;
    response.transit = request.transit;
    if (request.transit || options.habits.leaves_next_stage)
        response.next_stage =
            request.transit ? request.next_stage : login_stage::operational_negotiation;
    send_login_response(response, request, *answers);
}

void target_link::enter_full_feature(const login_request& request, const text_pairs& answers) {
    const auto agreed = keys_.outcome();
    if (agreed.has_error()) {
        violation(agreed.error().text());
        return refuse_login(request, initiator_error, 0x00);
    }
    login_response response;
    response.transit = true;
    response.next_stage = login_stage::full_feature;
    nexus_ = nexus_of(nexus_initiator_, request.isid);
    response.target_session_identifying_handle =
        target_->enter(nexus_initiator_, request.isid, *this);
    const auto& handle = target_->options().habits.discovery_handle;
    if (handle && type_ == session_type::discovery)
        response.target_session_identifying_handle = *handle;
    send_login_response(response, request, answers);
    parameters_ = *agreed;
    digests_ = {agreed->header_digest, agreed->data_digest};
    cutter_.use(digests_);
    phase_ = phase::full_feature;
}

bool target_link::needs_proof() const {
    const auto& chap = target_->options().chap;
    const bool here = type_ == session_type::normal ? chap.in_sessions : chap.in_discovery;
    return !chap.user.empty() && here;
}

// Our answers to the keys of CHAP; nothing: the login was refused. Who does not prove itself in the
// security stage gets no further (§6.3.2).
std::optional<text_pairs>
target_link::authenticate(const login_request& request, const text_pairs& text) {
    if (!needs_proof())
        return text_pairs();
    chap_examiner::reply reply;
    if (request.current_stage == login_stage::security_negotiation)
        reply = chap_.hear(text);
    const bool leaves =
        request.transit || request.current_stage != login_stage::security_negotiation;
    if (!reply.refusal && leaves && !chap_.is_satisfied())
        reply.refusal = {initiator_error, authentication_failure};
    if (reply.refusal) {
        refuse_login(request, reply.refusal->first, reply.refusal->second);
        return std::nullopt;
    }
    return std::move(reply.answers);
}

void target_link::put_tag_first(text_pairs& answers) const {
    if (target_->options().habits.tag_comes_first)
        std::stable_partition(answers.begin(), answers.end(), [](const auto& pair) {
            return pair.key == "TargetPortalGroupTag";
        });
}

// §6.3: the leading request names the initiator and, but for discovery, the target.
bool target_link::identify(const login_request& request, const text_pairs& text) {
    initiator_name_ = value_or(text, "InitiatorName", "");
    const auto type = value_or(text, "SessionType", "Normal");
    const auto refused = [&](std::uint8_t detail) {
        initiator_name_.clear();
        refuse_login(request, initiator_error, detail);
        return false;
    };
    if (initiator_name_.empty())
        return refused(0x07);
    if (type != "Normal" && type != "Discovery")
        return refused(0x09);
    const auto target = value_or(text, "TargetName", "");
    if (type == "Normal" && !has_name(target_->options(), target))
        return refused(0x03);
    if (request.target_session_identifying_handle != 0)
        return refused(0x0a);
    const auto& allowed = target_->options().habits.initiators;
    if (!allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), initiator_name_) == allowed.end())
        return refused(0x02);
    // An ISID belongs to a session with one target (§10.1.2).
    type_ = type == "Normal" ? session_type::normal : session_type::discovery;
    nexus_initiator_ = initiator_name_;
    if (type_ == session_type::normal && target != target_->options().name)
        nexus_initiator_ += "," + target;
    keys_ = negotiation(target_->options().wants, type_);
    return true;
}

// Nothing: the negotiation failed.
std::optional<text_pairs>
target_link::negotiate(const login_request& request, const text_pairs& text) {
    const bool security = request.current_stage == login_stage::security_negotiation;
    text_pairs offers;
    std::copy_if(text.begin(), text.end(), std::back_inserter(offers), [](const auto& pair) {
        return !is_identity(pair.key);
    });
    auto answers = keys_.receive(offers, security ? key_phase::security : key_phase::operational);
    if (answers.has_error()) {
        violation(answers.error().text());
        return std::nullopt;
    }
    const auto* const methods = find_value(text, "AuthMethod");
    if (methods != nullptr && !needs_proof())
        answers->push_back(
            {"AuthMethod", methods->find("None") == std::string::npos ? "Reject" : "None"}
        );
    const auto& options = target_->options();
    overrule(*answers, "DefaultTime2Wait", options.habits.time2wait);
    overrule(*answers, "DefaultTime2Retain", options.habits.time2retain);
    if (security || std::exchange(declared_, true))
        return std::move(*answers);
    answers->push_back(
        {"MaxRecvDataSegmentLength", std::to_string(options.wants.max_recv_data_segment_length)}
    );
    answers->push_back({"TargetAlias", options.alias});
    if (type_ == session_type::normal) // §13.9
        answers->push_back({"TargetPortalGroupTag", std::to_string(options.portal_group_tag)});
    return std::move(*answers);
}

void target_link::refuse_login(
    const login_request& request,
    std::uint8_t status_class,
    std::uint8_t detail,
    const text_pairs& text
) {
    login_response response;
    response.status_class = status_class;
    response.status_detail = detail;
    send_login_response(response, request, text);
    over_ = true;
}

void target_link::send_login_response(
    login_response response, const login_request& to, const text_pairs& text
) {
    response.current_stage = to.current_stage;
    response.isid = to.isid;
    response.initiator_task_tag = to.initiator_task_tag;
    const auto data = format_text(text);
    send(response, bytes_of(data), true);
}

} // namespace iscsi::test
