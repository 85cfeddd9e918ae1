#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/pdu_stream.hpp"
#include "tests/support/script_words.hpp"
#include "tests/support/session_world.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace iscsi::test {

// A dialogue between a session and a target that says exactly what the script says.
//
//   script()
//       .log_in()
//       .submit("read", [](auto& world) { return world.read(0, 8); })
//       .expect(a<scsi_command>().with("R", &scsi_command::read, true), "read")
//       .give(data_in{.final = true, .has_status = true}, pattern(4096, 1), "read")
//       .expect_done("read")
//       .split_input_everywhere()
//       .lose_transport_at_each_step()
//       .run(world_config());
//
// give() fills what a correct target would: the Initiator Task Tag of the PDU that was expected
// under that name (the last one when there is no name), StatSN, ExpCmdSN and MaxCmdSN.
class script {
  public:
    // ---- steps ----
    script& expect(expectation what, std::string name = {});
    script& expect_silence();

    template <class Event>
    script& expect_event(std::function<void(const Event&)> check = {});

    // Submits through a function that returns the cookie.
    script& submit(std::string name, std::function<std::uint64_t(session_world&)> how);
    script& expect_done(std::string name, std::function<void(const work&)> check = {});
    script& act(std::function<void(session_world&)> what);
    script& pass(duration time);

    template <class Pdu>
    script& give(Pdu pdu, std::vector<std::byte> data = {}, std::string name = {});

    template <class Pdu>
    script& give(Pdu pdu, const text_pairs& text);

    // As give(), but with something wrong in it.
    template <class Pdu>
    script& give_spoilt(
        Pdu pdu,
        std::function<void(Pdu&)> spoil,
        std::vector<std::byte> data = {},
        std::string name = {}
    );

    // The session has given the connection up over what it was given last; the transport is gone.
    template <class Code>
    script& expect_fault(Code code);

    // As it stands, with wrong numbers if it has them.
    script& give_exactly(target_pdu pdu, std::vector<std::byte> data = {});

    // The whole login, with these answers of the target.
    script& log_in(const text_pairs& answers = usual_answers());

    // ---- what run() does besides running the script once ----
    script& split_input_everywhere();
    script& lose_transport_at_each_step();

    // After a loss the session meets a memory_target instead: `prepare` sets it up, and `verify`
    // looks at it when commands were finished there.
    script& recovering_against(
        std::function<void(memory_target&)> prepare, std::function<void(memory_target&)> verify = {}
    );

    void run(const session_config& config);

    static text_pairs usual_answers();

  private:
    friend class script_run;

    struct step {
        std::string title;
        std::function<void(class script_run&)> play;
    };

    script& add(std::string title, std::function<void(class script_run&)> play);
    std::size_t play_all(const session_config& config, std::size_t split);
    void play_until(const session_config& config, std::size_t lost_before);

    std::vector<step> steps_;
    std::function<void(memory_target&)> prepare_;
    std::function<void(memory_target&)> verify_;
    bool splits_ = false;
    bool losses_ = false;
};

// One performance of a script.
class script_run {
  public:
    // The input is cut at this offset of the whole stream; 0: never, `everywhere`: at each byte.
    static constexpr std::size_t everywhere = SIZE_MAX;
    script_run(const session_config& config, std::size_t split);

    session_world& world() { return world_; }

    std::size_t delivered() const { return delivered_; }

    // What the session had against a PDU, since the last call.
    std::optional<fault> take_fault() { return std::exchange(fault_, std::nullopt); }

    void expect(const expectation& what, const std::string& name);
    void expect_silence();
    void deliver(const target_pdu& pdu, bytes_view data);

    // Numbers of a correct target; ITT of the PDU with that name.
    template <class Pdu>
    void fill(Pdu& pdu, const std::string& name);

    std::uint64_t& cookie(const std::string& name) { return cookies_[name]; }

  private:
    void connect_if_wanted();
    std::optional<raw_pdu> next_pdu();
    void note_numbers(const initiator_pdu& pdu, const std::string& name);
    std::uint32_t tag_of(const std::string& name) const;
    void use_digests_from_now();

    session_world world_;
    std::size_t split_;
    std::size_t delivered_ = 0;
    pdu_cutter cutter_;
    digests digests_;
    std::map<std::string, std::uint32_t> tags_;
    std::uint32_t last_tag_ = reserved_tag;
    std::map<std::string, std::uint64_t> cookies_;
    isid_field isid_{};
    std::uint32_t status_sn_ = 77;
    std::uint32_t expected_command_sn_ = 0;
    std::optional<fault> fault_;
};

// ---- templates ----------------------------------------------------------------------------------

// A status-bearing PDU takes a StatSN (RFC 7143 §4.2.2.2); others show the next one.
template <class Pdu>
bool takes_status_sn(const Pdu& pdu) {
    if constexpr (std::is_same_v<Pdu, data_in>)
        return pdu.has_status;
    else if constexpr (std::is_same_v<Pdu, nop_in>)
        return pdu.target_transfer_tag == reserved_tag && pdu.initiator_task_tag != reserved_tag;
    else
        return !std::is_same_v<Pdu, r2t>;
}

template <class Pdu>
void script_run::fill(Pdu& pdu, const std::string& name) {
    constexpr std::uint32_t window = 32;
    if constexpr (std::is_same_v<Pdu, nop_in>) {
        if (pdu.target_transfer_tag == reserved_tag)
            pdu.initiator_task_tag = tag_of(name);
    } else if constexpr (requires { pdu.initiator_task_tag; }) {
        pdu.initiator_task_tag = tag_of(name);
    }
    if constexpr (std::is_same_v<Pdu, login_response>)
        pdu.isid = isid_;
    pdu.status_sn = status_sn_;
    if (takes_status_sn(pdu))
        ++status_sn_;
    pdu.expected_command_sn = expected_command_sn_;
    pdu.max_command_sn = expected_command_sn_ + window;
}

template <class Pdu>
script& script::give(Pdu pdu, std::vector<std::byte> data, std::string name) {
    return add("give a PDU", [=](script_run& run) mutable {
        Pdu filled = pdu;
        run.fill(filled, name);
        run.deliver(filled, data);
    });
}

template <class Pdu>
script& script::give(Pdu pdu, const text_pairs& text) {
    const auto data = format_text(text);
    const auto view = bytes_of(data);
    return give(pdu, std::vector<std::byte>(view.begin(), view.end()));
}

template <class Pdu>
script& script::give_spoilt(
    Pdu pdu, std::function<void(Pdu&)> spoil, std::vector<std::byte> data, std::string name
) {
    return add("give a wrong PDU", [=](script_run& run) mutable {
        Pdu filled = pdu;
        run.fill(filled, name);
        spoil(filled);
        run.deliver(filled, data);
    });
}

template <class Code>
script& script::expect_fault(Code code) {
    return add("expect a fault", [=](script_run& run) {
        const auto found = run.take_fault();
        ASSERT_TRUE(found.has_value()) << "the connection lives on";
        EXPECT_EQ(found->code, to_error_code(code)) << found->text();
    });
}

template <class Event>
script& script::expect_event(std::function<void(const Event&)> check) {
    return add("expect an event", [=](script_run& run) {
        const auto found = run.world().template take_event<Event>();
        ASSERT_TRUE(found.has_value()) << "the event did not come";
        if (check)
            check(*found);
    });
}

} // namespace iscsi::test
