#pragma once

#include "iscsid/lane/lun_queue.hpp"

#include "libiscsi/scsi/status.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace iscsid::lane::test {

// A session with a clock that the test turns, and commands that the test answers.
class fake_session final : public session_port {
  public:
    iscsi::result<iscsi::task_id>
    submit(iscsi::command what, const command_source& /*from*/) override {
        if (!usable)
            return iscsi::fault{to_error_code(iscsi::session_errc::not_usable), {}, {}, {}};
        if (tells_capacity && what.cdb == scsi::read_capacity_10()) {
            capacity_room = what.data_in;
            return next_task++;
        }
        if (sent.size() >= slots)
            return iscsi::fault{to_error_code(iscsi::session_errc::no_free_slot), {}, {}, {}};
        sent.push_back(what);
        tasks.push_back(next_task);
        ++submitted;
        return next_task++;
    }

    void abort(iscsi::task_id task) override { aborted.push_back(task); }

    void hold(const iscsi::lun_field& lun) override { held.insert(lun); }

    void let_go(const iscsi::lun_field& lun) override { held.erase(lun); }

    bool logged_in() const override { return connected; }

    iscsi::instant now() const override { return time; }

    void attention(const iscsi::lun_field& /*lun*/, scsi::attention what) override {
        attentions.push_back(what);
        if (on_attention)
            on_attention();
    }

    void tell(note_content what) override { told.push_back(std::move(what)); }

    // What was told of one kind, in order.
    template <class Content>
    std::vector<Content> told_of() const {
        std::vector<Content> found;
        for (const auto& each : told)
            if (const auto* const content = std::get_if<Content>(&each))
                found.push_back(*content);
        return found;
    }

    std::vector<io_trouble> troubles(trouble_kind kind) const {
        auto all = told_of<io_trouble>();
        std::erase_if(all, [kind](const auto& each) { return each.kind != kind; });
        return all;
    }

    // Takes the oldest command from the wire.
    iscsi::command take() {
        const auto first = sent.front();
        sent.erase(sent.begin());
        tasks.erase(tasks.begin());
        return first;
    }

    std::vector<iscsi::command> sent;
    std::vector<iscsi::task_id> tasks;
    std::vector<iscsi::task_id> aborted;
    std::vector<scsi::attention> attentions;
    std::function<void()> on_attention;
    std::vector<note_content> told;
    std::set<iscsi::lun_field> held;

    // The question for the block length is not among the commands; lun_queue_fixture answers it.
    bool tells_capacity = false;
    std::optional<iscsi::mutable_bytes> capacity_room;

    std::size_t slots = 1000;
    std::size_t submitted = 0;
    iscsi::task_id next_task = 1;
    bool usable = true;
    bool connected = true;
    iscsi::instant time{std::chrono::seconds(1000)};
};

class lun_queue_fixture : public ::testing::Test, public request_owner {
  protected:
    void SetUp() override {
        session.tells_capacity = true;
        shared.join(queue, properties());
        tell_capacity();
    }

    // The unit has no name, so it is asked whether its blocks are as long as they were.
    void tell_capacity() {
        if (!session.capacity_room)
            return;
        constexpr std::array data{
            std::byte{},
            std::byte{0x0f},
            std::byte{0xff},
            std::byte{0xff},
            std::byte{},
            std::byte{},
            std::byte{2},
            std::byte{}};
        std::ranges::copy(data, session.capacity_room->begin());
        session.capacity_room.reset();
        iscsi::task_done done;
        done.transferred = data.size();
        shared.identity().command_done(0, done);
    }

    static scsi::logical_unit properties() {
        scsi::logical_unit unit;
        unit.block_count = 1 << 20;
        unit.write_cache_enabled = true;
        return unit;
    }

    void complete(std::uint64_t tag, int error) override {
        EXPECT_FALSE(ended.contains(tag)) << "completed twice: " << tag;
        ended[tag] = error;
        order.push_back(tag);
        if (then)
            then(tag);
    }

    void write(std::uint64_t tag, bool force_unit_access = false) {
        block_request request;
        request.op = operation::write;
        request.force_unit_access = force_unit_access;
        request.length = memory.size();
        request.offset = tag * 512;
        request.buffer = memory;
        request.tag = tag;
        queue.submit(request, *this);
    }

    void read(std::uint64_t tag) {
        block_request request;
        request.length = memory.size();
        request.offset = tag * 512;
        request.buffer = memory;
        request.tag = tag;
        queue.submit(request, *this);
    }

    void flush(std::uint64_t tag) {
        block_request request;
        request.op = operation::flush;
        request.tag = tag;
        queue.submit(request, *this);
    }

    void zero(std::uint64_t tag) {
        block_request request;
        request.op = operation::write_zeroes;
        request.length = 512;
        request.tag = tag;
        queue.submit(request, *this);
    }

    // Answers the oldest command.
    void answer(iscsi::task_done done) {
        ASSERT_FALSE(session.sent.empty());
        const auto command = session.take();
        done.cookie = command.cookie;
        queue.command_done(static_cast<std::uint32_t>(command.cookie), done);
        tell_capacity();
        serve();
    }

    // The session's host does so at the end of each turn.
    void serve() {
        while (serves && queue.send_waiting()) {
        }
    }

    void answer_good() {
        ASSERT_FALSE(session.sent.empty());
        iscsi::task_done done;
        const auto& command = session.sent.front();
        done.transferred =
            static_cast<std::uint32_t>(command.data_in.size() + command.data_out.size());
        answer(done);
    }

    void answer_status(scsi::status status) {
        iscsi::task_done done;
        done.status = static_cast<std::uint8_t>(status);
        answer(done);
    }

    // SPC-4 §4.5: 70h and 71h are fixed format, 72h and 73h descriptor format; 71h and 73h
    // deferred.
    static std::vector<std::byte>
    sense_of(std::uint8_t format, std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
        const bool is_fixed = format < 0x72;
        std::vector<std::byte> sense(is_fixed ? 18 : 8);
        sense[0] = std::byte{format};
        sense[is_fixed ? 2 : 1] = std::byte{key};
        sense[7] = std::byte{is_fixed ? std::uint8_t{10} : std::uint8_t{0}};
        sense[is_fixed ? 12 : 2] = std::byte{code};
        sense[is_fixed ? 13 : 3] = std::byte{qualifier};
        return sense;
    }

    void answer_sense(
        std::uint8_t key, std::uint8_t code, std::uint8_t qualifier, std::uint8_t format = 0x70
    ) {
        const auto sense = sense_of(format, key, code, qualifier);
        iscsi::task_done done;
        done.status = static_cast<std::uint8_t>(scsi::status::check_condition);
        done.sense = sense;
        answer(done);
    }

    void answer_outcome(iscsi::task_result outcome) {
        iscsi::task_done done;
        done.outcome = outcome;
        answer(done);
    }

    void answer_timed_out() {
        iscsi::task_done done;
        done.outcome = iscsi::task_result::aborted;
        done.timed_out = true;
        answer(done);
    }

    // Lets the time go to the queue's next deadline.
    void reach_deadline() {
        ASSERT_TRUE(queue.next_deadline());
        session.time = std::max(session.time, *queue.next_deadline());
        queue.handle_deadline(session.time);
        serve();
    }

    static constexpr std::size_t depth = 1000;

    fake_session session;
    unit shared{session, {}, depth};
    lun_queue queue{&shared, properties()};
    bool serves = true;
    std::array<std::byte, 512> memory{};
    std::map<std::uint64_t, int> ended;
    std::vector<std::uint64_t> order;
    std::function<void(std::uint64_t)> then;
};

} // namespace iscsid::lane::test
