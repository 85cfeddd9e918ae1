#pragma once

#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include "iscsid/lane/unit.hpp"

namespace iscsid::lane::test {

// What a client is told to do.
struct fake_client final : unit_client {
    void end_unsent() override { ++ends; }

    void abort_sent() override { ++aborts; }

    void restart_timeouts(iscsi::instant /*now*/) override { ++restarts; }

    void refresh(const scsi::logical_unit& /*seen*/, iscsi::instant /*looked_at*/) override {}

    void doubt_write_cache(iscsi::instant /*since*/) override { ++cache_doubts; }

    int ends = 0;
    int aborts = 0;
    int restarts = 0;
    int cache_doubts = 0;
};

// The identity of a unit: who is there is asked before anything is sent.
class unit_identity : public ::testing::Test {
  protected:
    void SetUp() override {
        session.connected = false;
        shared.join(client, recorded("S1"));
        session.connected = true;
    }

    static scsi::logical_unit recorded(const std::string& serial) {
        scsi::logical_unit properties;
        properties.serial = serial;
        properties.block_size = 0; // not told: the name is all
        return properties;
    }

    void log_in() { shared.doubt(identity_check::answer_under_way::counts); }

    void doubt() { shared.doubt(identity_check::answer_under_way::is_old); }

    // Answers the question with the unit serial number page (SPC-5 §7.7.21).
    void show(const std::string& serial, unsigned qualifier = 0) {
        std::vector<std::byte> page{
            static_cast<std::byte>(qualifier << 5U),
            std::byte{0x80},
            std::byte{},
            static_cast<std::byte>(serial.size())};
        std::ranges::transform(serial, std::back_inserter(page), [](char each) {
            return static_cast<std::byte>(each);
        });
        give(page);
    }

    void refuse() { end_with_sense(0x5, 0x24, 0x00); } // INVALID FIELD IN CDB

    // As much of it as was asked for, and no more than `most`.
    void give(iscsi::bytes_view page, std::size_t most = SIZE_MAX) {
        ASSERT_EQ(session.sent.size(), 1U);
        const auto room = session.sent.front().data_in;
        const auto count = std::min({page.size(), room.size(), most});
        std::copy_n(page.begin(), count, room.begin());
        iscsi::task_done done;
        done.transferred = static_cast<std::uint32_t>(count);
        end(done);
    }

    void end(iscsi::task_done done) {
        session.take();
        shared.identity().command_done(0, done);
    }

    void end_with(scsi::status status) {
        iscsi::task_done done;
        done.status = static_cast<std::uint8_t>(status);
        end(done);
    }

    void end_with(iscsi::task_result outcome) {
        iscsi::task_done done;
        done.outcome = outcome;
        end(done);
    }

    void end_with_sense(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
        const std::array sense{
            std::byte{0x72}, std::byte{key}, std::byte{code}, std::byte{qualifier}};
        iscsi::task_done done;
        done.status = static_cast<std::uint8_t>(scsi::status::check_condition);
        done.sense = sense;
        end(done);
    }

    void reach_deadline() {
        auto& identity = shared.identity();
        ASSERT_TRUE(identity.next_deadline());
        session.time = std::max(session.time, *identity.next_deadline());
        identity.handle_deadline(session.time);
    }

    // Answers every question so until the unit has changed its mind or an hour is over.
    iscsi::duration until_settled(const std::function<void()>& answer) {
        const auto begin = session.time;
        while (shared.state() == unit_state::in_doubt &&
               session.time < begin + std::chrono::seconds(3600)) {
            answer();
            if (shared.state() == unit_state::in_doubt && session.sent.empty() &&
                shared.identity().next_deadline())
                reach_deadline();
        }
        return std::chrono::duration_cast<iscsi::duration>(session.time - begin);
    }

    bool is_held() const { return session.held.contains({}); }

    std::vector<identity_news> news() const {
        std::vector<identity_news> all;
        for (const auto& each : session.told_of<identity_change>())
            all.push_back(each.what);
        return all;
    }

    fake_session session;
    unit shared{session, {}, 32};
    fake_client client;
};

} // namespace iscsid::lane::test
