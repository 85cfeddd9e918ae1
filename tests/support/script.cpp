#include "tests/support/script.hpp"

#include "tests/support/pair.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace iscsi::test {

// ---- a performance ------------------------------------------------------------------------------

script_run::script_run(const session_config& config, std::size_t split)
    : world_(config)
    , split_(split)
    , isid_(config.isid)
    , expected_command_sn_(config.initial_command_sn) {
    world_.engine().start(world_.now());
    world_.drain();
}

void script_run::connect_if_wanted() {
    if (!world_.take_event<want_transport>())
        return;
    cutter_ = {};
    digests_ = {};
    world_.engine().transport_up(world_.now());
    world_.drain();
}

std::optional<raw_pdu> script_run::next_pdu() {
    connect_if_wanted();
    cutter_.use(digests_);
    cutter_.feed(world_.take_sent(SIZE_MAX));
    auto next = cutter_.next();
    EXPECT_TRUE(next.has_value()) << next.error().text();
    return next.has_value() ? std::move(*next) : std::nullopt;
}

void script_run::expect(const expectation& what, const std::string& name) {
    const auto raw = next_pdu();
    ASSERT_TRUE(raw.has_value()) << "the session says nothing";
    const auto pdu = decode_initiator(raw->header);
    ASSERT_TRUE(pdu.has_value()) << pdu.error().text();
    note_numbers(*pdu, name);
    what(*pdu, raw->data);
}

void script_run::note_numbers(const initiator_pdu& pdu, const std::string& name) {
    std::visit(
        [&](const auto& request) {
            using kind = std::decay_t<decltype(request)>;
            last_tag_ = request.initiator_task_tag;
            tags_[name] = request.initiator_task_tag;
            if constexpr (std::is_same_v<kind, login_request>)
                expected_command_sn_ = request.command_sn;
            else if constexpr (requires { request.immediate; }) {
                EXPECT_EQ(request.command_sn, expected_command_sn_) << "CmdSN";
                if (!request.immediate)
                    ++expected_command_sn_;
            }
        },
        pdu
    );
}

void script_run::expect_silence() {
    EXPECT_FALSE(next_pdu().has_value()) << "the session says something";
}

std::uint32_t script_run::tag_of(const std::string& name) const {
    if (name.empty())
        return last_tag_;
    const auto found = tags_.find(name);
    EXPECT_NE(found, tags_.end()) << "no PDU was expected as " << name;
    return found == tags_.end() ? reserved_tag : found->second;
}

void script_run::deliver(const target_pdu& pdu, bytes_view data) {
    basic_header header;
    encode(pdu, static_cast<std::uint32_t>(data.size()), header);
    std::vector<std::byte> bytes;
    append_pdu(bytes, header, data, digests_);
    std::size_t from = 0;
    while (from < bytes.size()) {
        std::size_t length = bytes.size() - from;
        if (split_ == everywhere)
            length = 1;
        else if (delivered_ < split_)
            length = std::min(length, split_ - delivered_);
        const auto piece = bytes_view(bytes).subspan(from, length);
        from += length;
        delivered_ += length;
        if (const auto taken = world_.deliver(piece); taken.has_error()) {
            fault_ = taken.error();
            return world_.lose_transport();
        }
    }
    use_digests_from_now();
}

// Digests begin after the last Login Response (RFC 7143 §13.1).
void script_run::use_digests_from_now() {
    if (world_.engine().connection() != connection_state::logged_in)
        return;
    const auto& agreed = world_.engine().parameters();
    digests_ = {agreed.header_digest, agreed.data_digest};
}

// ---- steps --------------------------------------------------------------------------------------

script& script::add(std::string title, std::function<void(script_run&)> play) {
    steps_.push_back({std::to_string(steps_.size()) + ": " + std::move(title), std::move(play)});
    return *this;
}

script& script::expect(expectation what, std::string name) {
    return add("expect " + name, [what = std::move(what), name](script_run& run) {
        run.expect(what, name);
    });
}

script& script::expect_silence() {
    return add("expect silence", [](script_run& run) { run.expect_silence(); });
}

script& script::submit(std::string name, std::function<std::uint64_t(session_world&)> how) {
    return add("submit " + name, [=](script_run& run) { run.cookie(name) = how(run.world()); });
}

script& script::expect_done(std::string name, std::function<void(const work&)> check) {
    return add("expect the end of " + name, [=](script_run& run) {
        const auto& entry = run.world().entry(run.cookie(name));
        ASSERT_TRUE(entry.done) << name << " is not done";
        if (check)
            check(entry);
        else
            EXPECT_TRUE(entry.good()) << name;
    });
}

script& script::act(std::function<void(session_world&)> what) {
    return add("act", [what = std::move(what)](script_run& run) {
        what(run.world());
        run.world().drain();
    });
}

script& script::pass(duration time) {
    return add("let time pass", [time](script_run& run) { run.world().pass(time); });
}

script& script::give_exactly(target_pdu pdu, std::vector<std::byte> data) {
    return add("give a PDU as it stands", [=](script_run& run) { run.deliver(pdu, data); });
}

text_pairs script::usual_answers() {
    return {
        {"TargetPortalGroupTag", "1"},
        {"HeaderDigest", "None"},
        {"DataDigest", "None"},
        {"DefaultTime2Wait", "2"},
        {"DefaultTime2Retain", "0"},
        {"ErrorRecoveryLevel", "0"},
        {"InitialR2T", "No"},
        {"ImmediateData", "Yes"},
        {"MaxBurstLength", "262144"},
        {"FirstBurstLength", "65536"},
        {"MaxOutstandingR2T", "1"},
        {"MaxConnections", "1"},
        {"DataPDUInOrder", "Yes"},
        {"DataSequenceInOrder", "Yes"},
        {"MaxRecvDataSegmentLength", "8192"},
    };
}

script& script::log_in(const text_pairs& answers) {
    login_response response;
    response.transit = true;
    response.current_stage = login_stage::operational_negotiation;
    response.next_stage = login_stage::full_feature;
    response.target_session_identifying_handle = 1;
    expect(a<login_request>());
    give(response, answers);
    return expect_event<logged_in>();
}

script& script::split_input_everywhere() {
    splits_ = true;
    return *this;
}

script& script::lose_transport_at_each_step() {
    losses_ = true;
    return *this;
}

script& script::recovering_against(
    std::function<void(memory_target&)> prepare, std::function<void(memory_target&)> verify
) {
    prepare_ = std::move(prepare);
    verify_ = std::move(verify);
    return *this;
}

// ---- performances -------------------------------------------------------------------------------

void script::run(const session_config& config) {
    const auto length = play_all(config, 0);
    if (splits_) {
        play_all(config, script_run::everywhere);
        for (std::size_t at = 1; at < length && !testing::Test::HasFailure(); ++at)
            play_all(config, at);
    }
    if (losses_)
        for (std::size_t at = 0; at <= steps_.size() && !testing::Test::HasFailure(); ++at)
            play_until(config, at);
}

std::size_t script::play_all(const session_config& config, std::size_t split) {
    script_run run(config, split);
    for (const auto& each : steps_) {
        SCOPED_TRACE("step " + each.title + ", input cut at " + std::to_string(split));
        each.play(run);
        if (testing::Test::HasFailure())
            break;
    }
    return run.delivered();
}

// Loses the transport before one step; then a correct target takes over, and every command that
// was submitted must end once, well.
void script::play_until(const session_config& config, std::size_t lost_before) {
    SCOPED_TRACE("transport lost before step " + std::to_string(lost_before));
    script_run run(config, 0);
    for (std::size_t at = 0; at < lost_before; ++at)
        steps_[at].play(run);
    auto& world = run.world();
    if (world.engine().connection() == connection_state::logged_in)
        world.take_event<logged_in>();
    world.lose_transport();
    const bool work_is_left = world.unfinished() > 0;
    memory_target target;
    if (prepare_)
        prepare_(target);
    pair wire(world, target);
    const bool recovered = wire.run_until([&] {
        return world.unfinished() == 0 &&
               (world.is_over() || world.engine().connection() == connection_state::logged_in);
    });
    EXPECT_TRUE(recovered) << world.unfinished() << " commands are not done";
    for (const auto& [cookie, entry] : world.ledger())
        EXPECT_TRUE(entry->good()) << "command " << cookie;
    for (const auto& complaint : target.complaints())
        ADD_FAILURE() << complaint;
    if (verify_ && work_is_left)
        verify_(target);
}

} // namespace iscsi::test
