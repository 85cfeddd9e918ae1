#include "tests/unit/core/session/peer.hpp"

#include "libiscsi/core/pdu/digest.hpp"

#include <algorithm>

namespace iscsi::test {
namespace {

std::map<std::string, std::string> usual_keys() {
    return {
        {"HeaderDigest", "None"},
        {"DataDigest", "None"},
        {"InitialR2T", "Yes"},
        {"ImmediateData", "Yes"},
        {"MaxBurstLength", "262144"},
        {"FirstBurstLength", "65536"},
        {"MaxOutstandingR2T", "1"},
        {"DefaultTime2Wait", "2"},
        {"DefaultTime2Retain", "0"},
        {"ErrorRecoveryLevel", "0"},
        {"MaxConnections", "1"},
        {"DataPDUInOrder", "Yes"},
        {"DataSequenceInOrder", "Yes"},
        {"MaxRecvDataSegmentLength", "8192"},
        {"AuthMethod", "None"},
    };
}

buffer bytes_of(const std::string& text) {
    buffer bytes;
    for (const char c : text)
        bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

} // namespace

buffer pattern(std::size_t size, unsigned first) {
    buffer bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>((first + i + i / 251) & 0xffU);
    return bytes;
}

session_config plain_config() {
    session_config config;
    config.initiator_name = "iqn.2026-01.org.example:initiator";
    config.target_name = "iqn.2026-01.org.example:target";
    config.commands_max = 16;
    return config;
}

session_config config_that_waits(duration replacement) {
    auto config = plain_config();
    config.timeouts.replacement = replacement;
    return config;
}

command read_command(mutable_bytes to, std::uint64_t cookie) {
    command what;
    what.cdb[0] = std::byte{0x88};
    what.data_in = to;
    what.cookie = cookie;
    return what;
}

command write_command(bytes_view from, std::uint64_t cookie) {
    command what;
    what.cdb[0] = std::byte{0x8a};
    what.data_out = from;
    what.cookie = cookie;
    return what;
}

peer::peer(session_config config) : keys(usual_keys()), session_under_test(std::move(config)) {}

// ---- hearing ----------------------------------------------------------------------------------

void peer::collect() {
    for (;;) {
        const auto plan = session_under_test.write_plan();
        std::size_t total = 0;
        for (const auto part : plan) {
            const auto taken = std::min(part.size(), send_limit - total);
            stream_.insert(stream_.end(), part.begin(), part.begin() + static_cast<long>(taken));
            total += taken;
        }
        if (plan.empty())
            break;
        session_under_test.sent(total, now);
    }
    while (cut_one()) {
    }
}

bool peer::cut_one() {
    if (stream_.size() < bhs_size)
        return false;
    basic_header header;
    std::copy_n(stream_.begin(), bhs_size, header.begin());
    const auto length = data_segment_length(header);
    const auto header_size = bhs_size + (negotiated_header_digest_ ? 4 : 0);
    const auto trailer = padding_of(length) + (negotiated_data_digest_ && length > 0 ? 4 : 0);
    if (stream_.size() < header_size + length + trailer)
        return false;
    sent_pdu next{decode_initiator(header).value(), {}};
    const auto data = stream_.begin() + static_cast<long>(header_size);
    next.data.assign(data, data + length);
    if (const auto* request = std::get_if<scsi_command>(&next.pdu); request != nullptr)
        expected_command_sn = request->command_sn + 1;
    stream_.erase(stream_.begin(), data + length + trailer);
    heard_.push_back(std::move(next));
    return true;
}

std::vector<sent_pdu> peer::hear() {
    collect();
    std::vector<sent_pdu> all(heard_.begin(), heard_.end());
    heard_.clear();
    return all;
}

bool peer::silent() {
    collect();
    return heard_.empty();
}

// ---- saying -----------------------------------------------------------------------------------

buffer peer::encoded(const target_pdu& pdu, const buffer& data) const {
    basic_header header;
    encode(pdu, static_cast<std::uint32_t>(data.size()), header);
    buffer bytes(header.begin(), header.end());
    if (negotiated_header_digest_) {
        bytes.resize(bhs_size + 4);
        store_digest(bytes.data() + bhs_size, crc32c(header));
    }
    buffer padded = data;
    padded.resize(
        data.size() + padding_of(static_cast<std::uint32_t>(data.size())), std::byte{0x5a}
    );
    bytes.insert(bytes.end(), padded.begin(), padded.end());
    if (negotiated_data_digest_ && !data.empty()) {
        bytes.resize(bytes.size() + 4);
        store_digest(bytes.data() + bytes.size() - 4, crc32c(padded));
    }
    return bytes;
}

result<void> peer::say_as_is(const target_pdu& pdu, const buffer& data) {
    return deliver(encoded(pdu, data));
}

result<void> peer::deliver(const buffer& bytes) {
    std::size_t given = 0;
    while (given < bytes.size()) {
        std::size_t now_given = 0;
        for (const auto part : session_under_test.read_plan()) {
            const auto left = std::min(bytes.size() - given, receive_limit) - now_given;
            const auto size = std::min(part.size(), left);
            std::copy_n(bytes.begin() + static_cast<long>(given + now_given), size, part.begin());
            now_given += size;
        }
        if (now_given == 0)
            return {};
        given += now_given;
        if (auto done = session_under_test.received(now_given, now); done.has_error())
            return done;
    }
    return {};
}

// ---- phases -----------------------------------------------------------------------------------

void peer::connect() {
    expect_event<want_transport>();
    stream_.clear();
    heard_.clear();
    negotiated_header_digest_ = negotiated_data_digest_ = false;
    session_under_test.transport_up(now);
}

void peer::log_in() {
    logging_in_ = true;
    while (logging_in_)
        for (const auto& request : hear())
            answer_login(request);
    negotiated_header_digest_ = keys["HeaderDigest"] == "CRC32C";
    negotiated_data_digest_ = keys["DataDigest"] == "CRC32C";
}

void peer::answer_login(const sent_pdu& heard) {
    const auto& request = std::get<login_request>(heard.pdu);
    login_response response;
    response.transit = request.transit;
    response.current_stage = request.current_stage;
    response.next_stage = request.next_stage;
    response.isid = request.isid;
    response.initiator_task_tag = request.initiator_task_tag;
    expected_command_sn = request.command_sn;
    const bool last = request.transit && request.next_stage == login_stage::full_feature;
    if (last)
        response.target_session_identifying_handle = 7;
    logging_in_ = !last;
    say(response, bytes_of(login_text(request, heard.data))).value();
}

std::string peer::login_text(const login_request& request, const buffer& data) {
    text_pairs answer;
    for (const auto& offer : parse_text(data).value())
        if (const auto known = keys.find(offer.key); known != keys.end())
            answer.push_back({known->first, known->second});
    if (request.current_stage == login_stage::security_negotiation)
        answer.push_back({"TargetPortalGroupTag", "1"});
    return format_text(answer);
}

void peer::lose_transport() {
    session_under_test.transport_lost({{}, "transport", {}, {}}, now);
}

void peer::pass(duration time) {
    const auto until = now + time;
    for (auto next = session_under_test.next_deadline(); next && *next <= until;
         next = session_under_test.next_deadline()) {
        now = std::max(now, *next);
        session_under_test.handle_deadline(now);
    }
    now = until;
}

// ---- events -----------------------------------------------------------------------------------

std::vector<event> peer::events() {
    std::vector<event> all(events_.begin(), events_.end());
    events_.clear();
    while (auto next = session_under_test.poll_event())
        all.push_back(std::move(*next));
    return all;
}

bool peer::no_event() {
    for (auto& each : events())
        events_.push_back(std::move(each));
    return events_.empty();
}

} // namespace iscsi::test
