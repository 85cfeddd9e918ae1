#include "tests/unit/iscsid/lane/lane_fixture.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

namespace iscsid::lane::test {
namespace {

using iscsi::test::memory_target;
using iscsi::test::scsi_answer;

const std::string target_serial = iscsi::test::disk_options{}.serial;

// VPD 80 of a disk that is not the one that was there before.
std::optional<iscsi::test::scsi_answer> serial_of_another(const iscsi::test::cdb_bytes& cdb) {
    const auto page = scsi::inquiry_vpd(scsi::vpd_page::unit_serial_number, 0);
    if (!std::equal(cdb.begin(), cdb.begin() + 3, page.begin()))
        return std::nullopt;
    return iscsi::test::scsi_answer::good({{}, std::byte{0x80}, {}, std::byte{1}, std::byte{'x'}});
}

iscsi::lun_field lun_1() {
    iscsi::lun_field lun{};
    lun[1] = std::byte{1};
    return lun;
}

// What several units, or several clients of one, mean to each other.
class lane_units : public lane_fixture {
  protected:
    // Each unit has told its block length, which is asked for when a disk moves in.
    void wait_until_known() {
        std::size_t unfinished = 1;
        for (int tries = 0; tries < 500 && unfinished > 0; ++tries) {
            answer<session_view> seen;
            engine->look(the_session, seen.callback());
            unfinished = seen.wait().unfinished_tasks;
            if (unfinished > 0)
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        EXPECT_EQ(unfinished, 0U);
    }
};

TEST_P(lane_units, AUnitGetsNoMoreCommandsAtATimeThanTheSettingsAllow) {
    auto wanted = config();
    wanted.unit_commands_max = 4;
    adopt(wanted);
    attach();
    test_disk second; // a second client of the same unit shares its number
    engine->attach(the_session, {}, properties(), second);
    wait_until_known();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::byte> data(512);
    std::vector<std::future<int>> ends;
    for (int i = 0; i < 20; ++i) {
        ends.push_back(start(operation::read, 0, data));
        block_request request;
        request.length = data.size();
        request.buffer = data;
        ends.push_back(second.submit(request));
    }
    for (test_disk* each : {&disk, &second}) {
        done_flag submitted;
        each->on_lane(submitted.callback());
        EXPECT_TRUE(submitted.wait());
    }
    answer<session_view> seen;
    engine->look(the_session, seen.callback());
    EXPECT_EQ(seen.wait().unfinished_tasks, 4U);
    target.drop_connections(); // they go out again, and are answered
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    target.with([](memory_target& it) { it.holds_commands = false; });
    engine->transport(the_session, target.connect());
    for (auto& each : ends)
        EXPECT_EQ(wait(std::move(each)), 0);
    done_flag gone;
    engine->detach(second, gone.callback());
    EXPECT_TRUE(gone.wait());
    detach();
}

// The word that a cache was switched on is for the connection of then (SAM-5 §5.14).
TEST_P(lane_units, AWriteCacheIsAssumedAfterAReconnectUntilALook) {
    std::atomic<int> flushes = 0;
    target.with([&flushes](memory_target& it) {
        it.intercept = [&flushes](std::uint16_t, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb == scsi::synchronize_cache_10())
                ++flushes;
            return std::nullopt;
        };
    });
    auto without_cache = properties();
    without_cache.write_cache_enabled = false;
    adopt();
    engine->attach(the_session, {}, without_cache, disk);
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::write, 0, data), 0);
    EXPECT_EQ(run(operation::flush), 0);
    EXPECT_EQ(flushes, 0);
    EXPECT_EQ(run(operation::write, 0, data), 0);
    target.drop_connections();
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    engine->transport(the_session, target.connect());
    ASSERT_TRUE(notes.wait_for<iscsi::logged_in>());
    engine->refresh(the_session, {}, without_cache, std::chrono::steady_clock::now());
    wait_for_lane();
    EXPECT_EQ(run(operation::flush), 0);
    EXPECT_EQ(flushes, 1) << "the write may be in a cache that was on meanwhile";
    EXPECT_EQ(run(operation::flush), 0);
    EXPECT_EQ(flushes, 1);
    detach();
}

// One slot for two units, of which the first needs six tries: a try that was in vain waits behind
// the other unit's request.
TEST_P(lane_units, ARetryDoesNotTakeTheSlotThatAnotherUnitWaitsFor) {
    std::vector<std::uint16_t> order;
    target.with([&order](memory_target& it) {
        it.add_disk(1, {});
        it.intercept = [&order](std::uint16_t lun, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb[0] != std::byte{0x28}) // READ(10)
                return std::nullopt;
            order.push_back(lun);
            if (lun == 0)
                return scsi_answer::check_condition(0xb, 0x47, 0x00);
            return std::nullopt;
        };
    });
    auto few = config();
    few.commands_max = 1;
    adopt(few);
    attach();
    test_disk second;
    engine->attach(the_session, lun_1(), properties(), second);
    wait_until_known();
    std::vector<std::byte> data(512);
    std::promise<int> first;
    std::promise<int> other;

    struct promise_owner final : request_owner {
        void complete(std::uint64_t tag, int error) override { ends[tag]->set_value(error); }

        std::array<std::promise<int>*, 2> ends{};
    } owner;

    owner.ends = {&first, &other};
    disk.on_lane([&] {
        block_request request;
        request.length = data.size();
        request.buffer = data;
        disk.port().submit(request, owner);
        request.tag = 1;
        second.port().submit(request, owner);
    });
    EXPECT_EQ(wait(first.get_future()), EIO);
    EXPECT_EQ(wait(other.get_future()), 0);
    target.with([](memory_target& it) { it.intercept = nullptr; });
    ASSERT_GE(order.size(), 2U);
    EXPECT_EQ(order[0], 0U);
    EXPECT_EQ(order[1], 1U);
    EXPECT_EQ(std::ranges::count(order, 0U), 6);
    done_flag gone;
    engine->detach(second, gone.callback());
    EXPECT_TRUE(gone.wait());
    detach();
}

TEST_P(lane_units, ADeferredErrorOfAnyCommandFailsTheNextFlush) {
    adopt_and_attach();
    const auto deferred = [](std::byte operation_code) {
        return [operation_code,
                first = true](auto, const auto& cdb) mutable -> std::optional<scsi_answer> {
            if (cdb[0] != operation_code || !std::exchange(first, false))
                return std::nullopt;
            auto answer = scsi_answer::check_condition(0x3, 0x0c, 0x00);
            answer.sense.at(0) = std::byte{0x71};
            return answer;
        };
    };
    std::vector<std::byte> data(512);
    target.with([&](memory_target& it) { it.intercept = deferred(std::byte{0x28}); });
    EXPECT_EQ(run(operation::read, 0, data), 0);
    EXPECT_EQ(run(operation::flush), EIO);
    EXPECT_EQ(run(operation::flush), 0);
    // By a command of the control thread: a scan.
    target.with([&](memory_target& it) { it.intercept = deferred(std::byte{0x00}); });
    iscsi::command what;
    what.cdb = scsi::test_unit_ready();
    answer<scsi_outcome> outcome;
    engine->execute(the_session, what, outcome.callback());
    EXPECT_EQ(outcome.wait().done.status, 2);
    EXPECT_EQ(run(operation::flush), EIO);
    EXPECT_EQ(run(operation::flush), 0);
    // By an asynchronous message (RFC 7143 §11.9.1).
    target.with([&](memory_target& it) { it.intercept = nullptr; });
    auto sense = scsi_answer::check_condition(0x3, 0x0c, 0x00).sense;
    sense.at(0) = std::byte{0x71};
    std::vector<std::byte> segment{std::byte{0}, static_cast<std::byte>(sense.size())};
    segment.insert(segment.end(), sense.begin(), sense.end());
    iscsi::async_message message;
    message.async_event = iscsi::async_scsi_event;
    target.each_link([&](iscsi::test::target_link& link) { link.tell(message, segment); });
    ASSERT_TRUE(notes.wait_for<iscsi::target_message>());
    EXPECT_EQ(run(operation::flush), EIO);
    EXPECT_EQ(run(operation::flush), 0);
    detach();
}

// Sense data of an asynchronous message (RFC 7143 §11.9.2).
std::vector<std::byte> sense_segment(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
    const auto sense = scsi_answer::check_condition(key, code, qualifier).sense;
    std::vector<std::byte> segment{std::byte{0}, static_cast<std::byte>(sense.size())};
    segment.insert(segment.end(), sense.begin(), sense.end());
    return segment;
}

TEST_P(lane_units, LunsThatATargetMakesUpTakeNoMemory) {
    adopt();
    const auto changed = sense_segment(0x6, 0x2a, 0x01); // MODE PARAMETERS CHANGED
    constexpr std::uint64_t made_up = 500;
    target.each_link([&](iscsi::test::target_link& link) {
        for (std::uint64_t number = 1; number <= made_up; ++number) {
            iscsi::async_message message;
            message.async_event = iscsi::async_scsi_event;
            message.lun = scsi::lun_from_number(number);
            link.tell(message, changed);
        }
    });
    for (std::uint64_t number = 1; number <= made_up; ++number)
        ASSERT_TRUE(notes.wait_for_content<lun_attention>());
    answer<session_view> seen;
    engine->look(the_session, seen.callback());
    EXPECT_TRUE(seen.wait().units.empty());
    // One of them is real, and its disk is made of a look that is older than the message.
    std::atomic<int> flushes = 0;
    target.with([&](memory_target& it) {
        it.intercept = [&flushes](auto, const auto& cdb) -> std::optional<scsi_answer> {
            flushes += cdb[0] == std::byte{0x35} ? 1 : 0;
            return std::nullopt;
        };
    });
    auto without_cache = properties();
    without_cache.write_cache_enabled = false;
    engine->attach(the_session, {}, without_cache, disk);
    auto data = pattern(512, 1);
    EXPECT_EQ(run(operation::write, 0, data), 0);
    EXPECT_EQ(run(operation::flush), 0);
    EXPECT_EQ(flushes, 1);
    detach();
}

TEST_P(lane_units, AnErrorIsTold) {
    adopt_and_attach();
    target.with([](memory_target& it) {
        it.intercept = [](auto, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb[0] == std::byte{0x28})
                return scsi_answer::check_condition(0x3, 0x11, 0x00);
            return std::nullopt;
        };
    });
    std::vector<std::byte> data(1024);
    EXPECT_EQ(run(operation::read, 512, data), ENODATA);
    const auto told = notes.wait_for_content<io_trouble>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->lba, 1U);
    EXPECT_EQ(told->blocks, 2U);
    EXPECT_EQ(told->error, ENODATA);
    EXPECT_EQ(told->reason, "CHECK CONDITION, MEDIUM ERROR 11/00");
    detach();
}

// Two sessions have one disk after another. The first has lost a write, and is not back: the target
// does it some time.
TEST_P(lane_units, AWriteThatAnotherSessionHasLostDoesNotLandAfterANewerOne) {
    constexpr session_key survivor = 2;
    target.with([](memory_target& it) { it.options().late_writes = true; });
    adopt();
    attach();
    auto wanted = config();
    wanted.isid[5] = std::byte{9};
    note_box its_notes;
    adopt(survivor, wanted, its_notes);
    target.with([](memory_target& it) { it.holds_commands = true; });
    auto old = pattern(4096, 1);
    auto lost = start(operation::write, 8192, old);
    std::size_t at_the_target = 0;
    for (int tries = 0; tries < 1000 && at_the_target == 0; ++tries) {
        target.each_link([&](const auto& link) { at_the_target += link.held_tasks(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_EQ(at_the_target, 1U);
    target.drop_connections();
    target.with([](memory_target& it) { it.holds_commands = false; });
    answer<std::optional<std::size_t>> given_up;
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    engine->give_up(the_session, given_up.callback());
    EXPECT_NE(wait(std::move(lost)), 0);
    detach();

    engine->reset_first(survivor, {}, "the disk has ended");
    ASSERT_TRUE(its_notes.wait_for<iscsi::want_transport>());
    test_disk second;
    auto lio = properties();
    lio.vendor = "LIO-ORG"; // trusted with reinstatement, which there was none of
    engine->attach(survivor, {}, lio, second);
    engine->transport(survivor, target.connect());
    auto fresh = pattern(4096, 2);
    block_request request;
    request.op = operation::write;
    request.offset = 8192;
    request.length = fresh.size();
    request.buffer = fresh;
    EXPECT_EQ(wait(second.submit(request)), 0);
    target.with([&](memory_target& it) {
        it.land_late_writes();
        const auto& content = it.disk().content();
        EXPECT_TRUE(std::equal(fresh.begin(), fresh.end(), content.begin() + 8192));
    });
    done_flag gone;
    engine->detach(second, gone.callback());
    EXPECT_TRUE(gone.wait());
}

// Under the same number, while there was no connection.
TEST_P(lane_units, NothingIsSentAgainToAnotherUnit) {
    adopt();
    auto recorded = properties();
    recorded.serial = target_serial;
    engine->attach(the_session, {}, recorded, disk);
    target.with([](memory_target& it) { it.holds_commands = true; });
    auto data = pattern(4096, 1);
    auto old_write = start(operation::write, 0, data);
    target.drop_connections();
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    auto late_write = start(operation::write, 8192, data);
    target.with([](memory_target& it) {
        it.holds_commands = false;
        it.intercept = [](auto /*lun*/, const auto& cdb) { return serial_of_another(cdb); };
    });
    engine->transport(the_session, target.connect());
    EXPECT_EQ(wait(std::move(old_write)), EIO);
    EXPECT_EQ(wait(std::move(late_write)), EIO);
    EXPECT_EQ(run(operation::write, 4096, data), EIO);
    const auto changed = notes.wait_for_content<identity_change>();
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->what, identity_news::other);
    EXPECT_EQ(changed->recorded, target_serial);
    EXPECT_EQ(changed->shown, "x");
    target.with([](memory_target& it) {
        const auto& content = it.disk().content();
        EXPECT_TRUE(std::ranges::all_of(content, [](auto each) { return each == std::byte{}; }));
        it.intercept = nullptr; // the right one is back
    });
    const auto back = notes.wait_for_content<identity_change>();
    ASSERT_TRUE(back);
    EXPECT_EQ(back->what, identity_news::confirmed);
    EXPECT_EQ(run(operation::write, 4096, data), 0);
    detach();
}

TEST_P(lane_units, ABarredUnitGetsNoRequestsUntilItIsLifted) {
    adopt_and_attach();
    std::vector<std::byte> data(512);
    engine->fail_requests(the_session, {}, EIO);
    wait_for_lane();
    EXPECT_EQ(run(operation::read, 0, data), EIO);
    detach();
    attach();
    EXPECT_EQ(run(operation::read, 0, data), EIO) << "also for a disk that comes later";
    engine->fail_requests(the_session, {}, 0);
    wait_for_lane();
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
    attach();
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
}

TEST_P(lane_units, ABarIsForOneUnitOfOneSession) {
    iscsi::lun_field other{};
    other[1] = std::byte{1};
    engine->fail_requests(the_session, other, EIO);
    engine->fail_requests(the_session + 1, {}, EIO);
    adopt_and_attach();
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
}

TEST_P(lane_units, ABarMayComeBeforeTheDiskAndEndsWithTheSession) {
    adopt();
    engine->fail_requests(the_session, {}, EIO);
    attach();
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), EIO);
    detach();
    done_flag gone;
    engine->drop(the_session, gone.callback());
    EXPECT_TRUE(gone.wait());
    adopt_and_attach();
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
}

TEST_P(lane_units, ARefreshedUnitHasItsNewSize) {
    adopt();
    auto small = properties();
    small.block_count = 8;
    engine->attach(the_session, {}, small, disk);
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 4096, data), EINVAL);
    engine->refresh(the_session + 1, {}, properties(), {});
    wait_for_lane();
    EXPECT_EQ(run(operation::read, 4096, data), EINVAL);
    engine->refresh(the_session, {}, properties(), {});
    wait_for_lane();
    EXPECT_EQ(run(operation::read, 4096, data), 0);
    detach();
}

TEST_P(lane_units, TwoDisksShareASession) {
    target.with([](memory_target& it) { it.add_disk(1, {}); });
    auto few = config();
    few.commands_max = 2;
    adopt(few);
    attach();
    test_disk second;
    iscsi::lun_field lun{};
    lun[1] = std::byte{1};
    engine->attach(the_session, lun, properties(), second);
    std::vector<std::byte> data(512);
    std::vector<std::future<int>> ends;
    block_request request;
    request.length = data.size();
    request.buffer = data;
    for (int i = 0; i < 100; ++i) {
        ends.push_back(disk.submit(request));
        ends.push_back(second.submit(request));
    }
    for (auto& each : ends)
        EXPECT_EQ(wait(std::move(each)), 0);
    done_flag gone;
    engine->detach(second, gone.callback());
    EXPECT_TRUE(gone.wait());
    detach();
}

INSTANTIATE_TEST_SUITE_P(Rings, lane_units, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
} // namespace iscsid::lane::test
