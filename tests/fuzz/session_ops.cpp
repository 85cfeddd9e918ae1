// A session under a sequence of operations: work, time, transports that come and go, and whatever a
// target may say. Every submitted command must end exactly once, GOOD only with all of its bytes,
// and at the end every slot must be free.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/session/session.hpp"

#include <map>
#include <string>
#include <vector>

namespace {

using namespace iscsi;

constexpr std::size_t room = 2048;

// Takes numbers from the input; zeros when there is nothing left.
class dice {
  public:
    explicit dice(bytes_view input) : left_(input) {}

    bool empty() const { return left_.empty(); }

    std::uint8_t byte() {
        if (left_.empty())
            return 0;
        const auto first = std::to_integer<std::uint8_t>(left_[0]);
        left_ = left_.subspan(1);
        return first;
    }

    std::uint32_t word() { return std::uint32_t{byte()} << 8U | byte(); }

    bytes_view bytes(std::size_t most) {
        const auto taken = left_.first(std::min(most, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }

  private:
    bytes_view left_;
};

struct work {
    std::vector<std::byte> data;
    task_id task = 0;
    bool reads = false;
    bool done = false;
};

session_config small_config() {
    session_config config;
    config.initiator_name = "iqn.2026-01.org.example:initiator";
    config.target_name = "iqn.2026-01.org.example:target";
    config.commands_max = 8;
    config.staging_size = 4096;
    return config;
}

class world {
  public:
    void play(dice& input) {
        session_.start(now_);
        drain();
        while (!input.empty()) {
            operate(input);
            drain();
        }
        end();
    }

  private:
    void operate(dice& input) {
        switch (input.byte() % 14) {
        case 0:
        case 1:
            return submit(input);
        case 2:
            return abort(input);
        case 3:
            return session_.reset_lun({std::byte{0}, std::byte(input.byte() & 1U)}, now_);
        case 4:
            return raise_transport();
        case 5:
            return lose_transport();
        case 6:
            return pass(duration(input.word() * 10));
        case 7:
            return send(input.word());
        case 8:
            return answer_login(input);
        case 9:
            return receive(input.bytes(input.byte()));
        case 10:
        case 11:
        case 12:
            return say_something(input);
        default:
            return rare(input);
        }
    }

    void rare(dice& input) {
        switch (input.byte() % 8) {
        case 0:
            return session_.logout(now_);
        case 1:
            (void)session_.send_targets("", now_);
            return;
        case 2:
            return session_.provide_entropy(input.bytes(17), now_);
        case 3:
            return session_.connect_failed({}, now_);
        case 4:
            return session_.trust_reinstatement({});
        default:
            return session_.start(now_);
        }
    }

    // ---- work ----
    void submit(dice& input) {
        auto& fresh = work_[++last_cookie_];
        fresh.data.resize(1 + input.word() % room);
        fresh.reads = (input.byte() & 1U) != 0;
        command what;
        what.cookie = last_cookie_;
        what.cdb[0] = std::byte(fresh.reads ? 0x28 : 0x2a);
        if (fresh.reads)
            what.data_in = fresh.data;
        else
            what.data_out = fresh.data;
        const auto task = session_.submit(what, now_);
        if (task.has_error())
            work_.erase(last_cookie_);
        else
            fresh.task = *task;
    }

    void abort(dice& input) {
        auto at = work_.begin();
        for (std::size_t i = input.byte() % 8; i > 0 && at != work_.end(); --i)
            ++at;
        session_.abort(at == work_.end() ? input.word() : at->second.task, now_);
    }

    // ---- the transport ----
    void raise_transport() {
        if (!wanted_ || up_)
            return;
        wanted_ = false;
        up_ = true;
        session_.transport_up(now_);
    }

    void lose_transport() {
        if (!up_)
            return;
        up_ = false;
        session_.transport_lost({}, now_);
    }

    void pass(duration time) {
        now_ += time;
        session_.handle_deadline(now_);
    }

    void send(std::size_t most) {
        std::size_t planned = 0;
        for (const auto piece : session_.write_plan())
            planned += piece.size();
        if (!up_) {
            expect(planned == 0, "nothing to send without a transport");
            return;
        }
        note_request();
        session_.sent(std::min(most, planned), now_);
    }

    // The first header of the plan tells which tags are out.
    void note_request() {
        const auto plan = session_.write_plan();
        if (plan.empty() || plan.front().size() < asked_.size())
            return;
        std::copy_n(plan.front().begin(), asked_.size(), asked_.begin());
    }

    void receive(bytes_view bytes) {
        while (!bytes.empty() && up_) {
            std::size_t taken = 0;
            for (const auto place : session_.read_plan()) {
                const auto n = std::min(place.size(), bytes.size() - taken);
                std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), n, place.begin());
                taken += n;
            }
            if (taken == 0)
                return;
            bytes = bytes.subspan(taken);
            if (session_.received(taken, now_).has_error())
                lose_transport();
            drain();
        }
    }

    // ---- what a target says ----
    void answer_login(dice& input) {
        login_response pdu;
        pdu.current_stage = login_stage::operational_negotiation;
        pdu.next_stage = login_stage::full_feature;
        pdu.transit = true;
        pdu.target_session_identifying_handle = 1;
        pdu.initiator_task_tag = load_be32(asked_.data() + 16);
        pdu.status_sn = status_sn_++;
        pdu.max_command_sn = 100;
        pdu.status_class = input.byte() == 0xff ? 3 : 0;
        say(pdu, {});
    }

    void say_something(dice& input) {
        basic_header header{};
        header[0] = std::byte(0x20U | input.byte() % 0x20U);
        header[1] = std::byte(input.byte() | ((input.byte() & 1U) != 0 ? 0x80U : 0U));
        header[2] = std::byte(input.byte() & 1U);
        header[3] = std::byte(input.byte() & 0x0aU);
        store_be32(header.data() + 16, tag(input));
        store_be32(header.data() + 20, (input.byte() & 1U) != 0 ? reserved_tag : 7U);
        store_be32(header.data() + 24, status_sn_ + (input.byte() & 1U));
        store_be32(header.data() + 28, expected_command_sn_);
        store_be32(header.data() + 32, expected_command_sn_ + 16);
        store_be32(header.data() + 36, input.byte() & 3U);
        store_be32(header.data() + 40, input.word() % room);
        store_be32(header.data() + 44, input.word() % room);
        const auto data = input.bytes(input.byte());
        header[7] = std::byte(data.size());
        std::vector<std::byte> bytes(header.begin(), header.end());
        bytes.insert(bytes.end(), data.begin(), data.end());
        bytes.resize((bytes.size() + 3) / 4 * 4);
        receive(bytes);
        status_sn_ += input.byte() & 1U;
        expected_command_sn_ += input.byte() & 1U;
    }

    std::uint32_t tag(dice& input) {
        const auto which = input.byte();
        if (which == 0xff)
            return reserved_tag;
        if ((which & 1U) != 0)
            return load_be32(asked_.data() + 16);
        for (const auto& [cookie, each] : work_)
            if (!each.done && cookie % 4 == which / 2 % 4)
                return each.task;
        return input.word();
    }

    void say(const target_pdu& pdu, bytes_view data) {
        basic_header header;
        encode(pdu, static_cast<std::uint32_t>(data.size()), header);
        receive(header);
    }

    // ---- what comes out ----
    void drain() {
        while (auto next = session_.poll_event()) {
            if (const auto* const done = std::get_if<task_done>(&*next))
                on(*done);
            wanted_ = wanted_ || std::holds_alternative<want_transport>(*next);
            over_ = over_ || std::holds_alternative<logged_out>(*next);
            if (std::holds_alternative<want_close>(*next))
                lose_transport();
        }
    }

    void on(const task_done& done) {
        const auto found = work_.find(done.cookie);
        expect(found != work_.end(), "the end of a command that was submitted");
        auto& which = found->second;
        expect(!which.done, "one end of each command");
        which.done = true;
        const bool good =
            done.outcome == task_result::answered && done.response == 0 && done.status == 0;
        if (good && which.reads && !done.residual_overflow)
            expect(
                done.transferred + done.residual_count == which.data.size(),
                "GOOD with all bytes accounted for"
            );
    }

    void end() {
        session_.logout(now_);
        drain();
        for (int i = 0; i < 100 && !over_; ++i) {
            send(SIZE_MAX);
            pass(std::chrono::seconds(20));
            drain();
        }
        lose_transport();
        drain();
        expect(over_, "a logout that ends");
        expect(session_.unfinished_tasks() == 0, "no task without an end");
        for (const auto& [cookie, each] : work_)
            expect(each.done, "an end of each command");
    }

    std::map<std::uint64_t, work> work_; // before the session, which points into it
    session session_{small_config()};
    instant now_{std::chrono::hours(1)};
    std::uint64_t last_cookie_ = 0;
    bool wanted_ = false;
    bool up_ = false;
    bool over_ = false;
    basic_header asked_{};
    std::uint32_t status_sn_ = 1;
    std::uint32_t expected_command_sn_ = 0;
};

} // namespace

void fuzz_one(iscsi::bytes_view input) {
    dice operations(input);
    world one;
    one.play(operations);
}
