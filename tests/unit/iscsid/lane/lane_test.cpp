#include "tests/unit/iscsid/lane/lane_fixture.hpp"

#include "iscsid/lane/lane_pool.hpp"

#include "libiscsi/scsi/cdb.hpp"

#include <gmock/gmock.h>

#include <sys/socket.h>

#include <cerrno>
#include <numeric>

namespace iscsid::lane::test {
namespace {

using iscsi::test::memory_target;
using iscsi::test::scsi_answer;
using std::chrono::milliseconds;

class lane_test : public lane_fixture {};

TEST_P(lane_test, WhatWasWrittenIsRead) {
    adopt_and_attach();
    auto out = pattern(4096, 1);
    EXPECT_EQ(run(operation::write, 8192, out), 0);
    std::vector<std::byte> in(4096);
    EXPECT_EQ(run(operation::read, 8192, in), 0);
    EXPECT_EQ(in, out);
    target.with([&](memory_target& it) {
        const auto& content = it.disk().content();
        EXPECT_TRUE(std::equal(out.begin(), out.end(), content.begin() + 8192));
    });
    detach();
}

TEST_P(lane_test, LargeTransfersArriveWhole) {
    adopt_and_attach();
    auto out = pattern(6U << 20U, 2);
    EXPECT_EQ(run(operation::write, 512, out), 0);
    std::vector<std::byte> in(out.size());
    EXPECT_EQ(run(operation::read, 512, in), 0);
    EXPECT_TRUE(in == out);
    detach();
}

TEST_P(lane_test, MoreRequestsThanTheSessionHasSlots) {
    auto few = config();
    few.commands_max = 4;
    adopt(few);
    attach();
    constexpr std::size_t count = 300;
    std::vector<std::vector<std::byte>> data;
    for (unsigned i = 0; i < count; ++i)
        data.push_back(pattern(512, i));
    std::vector<std::future<int>> ends;
    for (std::size_t i = 0; i < count; ++i)
        ends.push_back(start(operation::write, i * 512, data[i]));
    for (auto& each : ends)
        EXPECT_EQ(wait(std::move(each)), 0);
    std::vector<std::byte> all(count * 512);
    EXPECT_EQ(run(operation::read, 0, all), 0);
    for (std::size_t i = 0; i < count; ++i)
        EXPECT_TRUE(std::ranges::equal(data[i], std::span(all).subspan(i * 512, 512))) << i;
    detach();
}

TEST_P(lane_test, FlushReachesTheTarget) {
    adopt_and_attach();
    EXPECT_EQ(run(operation::flush), 0);
    target.with([](memory_target& it) { EXPECT_EQ(it.disk().flushes(), 1U); });
    detach();
}

TEST_P(lane_test, DiscardedAndZeroedBlocksReadAsZeros) {
    adopt_and_attach();
    auto ones = pattern(16384, 3);
    EXPECT_EQ(run(operation::write, 0, ones), 0);
    EXPECT_EQ(run(operation::discard, 0, 4096), 0);
    EXPECT_EQ(run(operation::write_zeroes, 8192, 4096), 0);
    std::vector<std::byte> in(16384);
    EXPECT_EQ(run(operation::read, 0, in), 0);
    const std::vector<std::byte> zeros(4096);
    EXPECT_TRUE(std::ranges::equal(std::span(in).first(4096), zeros));
    EXPECT_TRUE(std::ranges::equal(std::span(in).subspan(8192, 4096), zeros));
    EXPECT_TRUE(
        std::ranges::equal(std::span(in).subspan(4096, 4096), std::span(ones).subspan(4096, 4096))
    );
    detach();
}

TEST_P(lane_test, ARefusedWriteSameStillZeroes) {
    adopt_and_attach();
    target.with([](memory_target& it) {
        it.intercept = [](auto, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb[0] == std::byte{0x93} || cdb[0] == std::byte{0x41})
                return scsi_answer::check_condition(0x5, 0x20, 0x00);
            return std::nullopt;
        };
    });
    auto ones = pattern(1U << 20U, 4);
    EXPECT_EQ(run(operation::write, 0, ones), 0);
    EXPECT_EQ(run(operation::write_zeroes, 0, ones.size()), 0);
    target.with([&](memory_target& it) {
        const auto& content = it.disk().content();
        EXPECT_TRUE(std::all_of(content.begin(), content.begin() + (1 << 20), [](std::byte each) {
            return each == std::byte{0};
        }));
    });
    detach();
}

TEST_P(lane_test, ErrorsOfTheTargetArriveAsErrno) {
    adopt_and_attach();
    target.with([](memory_target& it) {
        it.intercept = [](auto, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb[0] == std::byte{0x28})
                return scsi_answer::check_condition(0x3, 0x11, 0x00);
            if (cdb[0] == std::byte{0x2a})
                return scsi_answer::check_condition(0x7, 0x27, 0x07);
            return std::nullopt;
        };
    });
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), ENODATA);
    EXPECT_EQ(run(operation::write, 0, data), ENOSPC);
    detach();
}

TEST_P(lane_test, BusyTargetsAreAskedAgain) {
    adopt_and_attach();
    target.with([](memory_target& it) {
        it.intercept = [left = 3](auto, const auto&) mutable -> std::optional<scsi_answer> {
            if (left-- > 0)
                return scsi_answer{0x08, {}, {}};
            return std::nullopt;
        };
    });
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
}

TEST_P(lane_test, AUnitAttentionIsANoteAndNoError) {
    adopt_and_attach();
    target.with([](memory_target& it) {
        it.intercept = [first = true](auto, const auto&) mutable -> std::optional<scsi_answer> {
            if (std::exchange(first, false))
                return scsi_answer::check_condition(0x6, 0x2a, 0x09);
            return std::nullopt;
        };
    });
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), 0);
    const auto told = notes.wait_for_content<lun_attention>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->what, scsi::attention::capacity_changed);
    detach();
}

TEST_P(lane_test, ALostConnectionIsRepairedAndRequestsEndWell) {
    adopt_and_attach();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::vector<std::byte>> data;
    std::vector<std::future<int>> ends;
    for (unsigned i = 0; i < 20; ++i)
        data.push_back(pattern(4096, i));
    for (std::size_t i = 0; i < data.size(); ++i)
        ends.push_back(start(operation::write, i * 4096, data[i]));
    target.drop_connections();
    const auto lost = notes.wait_for<iscsi::want_transport>();
    ASSERT_TRUE(lost);
    EXPECT_EQ(lost->session, the_session);
    // Requests may come while there is no connection.
    auto late = pattern(4096, 99);
    ends.push_back(start(operation::write, 40 * 4096, late));
    target.with([](memory_target& it) { it.holds_commands = false; });
    engine->transport(the_session, target.connect());
    const auto back = notes.wait_for<iscsi::logged_in>();
    ASSERT_TRUE(back);
    EXPECT_TRUE(std::get<iscsi::logged_in>(std::get<iscsi::event>(back->what)).again);
    for (auto& each : ends)
        EXPECT_EQ(wait(std::move(each)), 0);
    std::vector<std::byte> in(4096);
    for (std::size_t i = 0; i < data.size(); ++i) {
        EXPECT_EQ(run(operation::read, i * 4096, in), 0);
        EXPECT_TRUE(in == data[i]) << i;
    }
    detach();
}

TEST_P(lane_test, AFailedConnectIsTriedAgain) {
    adopt_and_attach();
    target.drop_connections();
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    engine->transport(
        the_session,
        -1,
        {boost::system::error_code(ECONNREFUSED, boost::system::system_category()),
         "connect",
         {},
         {}}
    );
    const auto failed = notes.wait_for<iscsi::login_failed>();
    ASSERT_TRUE(failed);
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    engine->transport(the_session, target.connect());
    ASSERT_TRUE(notes.wait_for<iscsi::logged_in>());
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), 0);
    detach();
}

TEST_P(lane_test, RequestsFailWhenTheReplacementTimeoutEnds) {
    auto impatient = config();
    impatient.timeouts.replacement = milliseconds(50);
    adopt(impatient);
    attach();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::byte> data(512);
    auto end = start(operation::read, 0, data);
    target.drop_connections();
    EXPECT_EQ(wait(std::move(end)), ENOLINK);
    ASSERT_TRUE(notes.wait_for<iscsi::gave_up>());
    EXPECT_EQ(run(operation::read, 0, data), ENOLINK) << "at once from now on";
    detach();
}

TEST_P(lane_test, ATransportThatNobodyWaitsForIsClosed) {
    adopt_and_attach();
    const int stray = target.connect();
    engine->transport(the_session, stray);
    engine->transport(the_session + 1, target.connect());
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), 0) << "and the session does not mind";
    detach();
}

TEST_P(lane_test, ACommandOfTheControlThreadComesBackWithItsData) {
    adopt();
    std::vector<std::byte> room(96);
    iscsi::command what;
    what.cdb = scsi::inquiry(96);
    what.data_in = room;
    what.cookie = 77;
    answer<scsi_outcome> outcome;
    engine->execute(the_session, what, outcome.callback());
    const auto got = outcome.wait();
    EXPECT_EQ(got.done.outcome, iscsi::task_result::answered);
    EXPECT_EQ(got.done.status, 0);
    EXPECT_EQ(got.done.cookie, 77U);
    ASSERT_GE(got.data.size(), 36U);
    EXPECT_LE(got.data.size(), 96U);
    EXPECT_EQ(got.data[8], std::byte{'T'});
}

TEST_P(lane_test, ACommandOfTheControlThreadCarriesItsSense) {
    adopt();
    target.with([](memory_target& it) {
        it.intercept = [](auto, const auto&) -> std::optional<scsi_answer> {
            return scsi_answer::check_condition(0x5, 0x24, 0x00);
        };
    });
    iscsi::command what;
    what.cdb = scsi::test_unit_ready();
    answer<scsi_outcome> outcome;
    engine->execute(the_session, what, outcome.callback());
    const auto got = outcome.wait();
    EXPECT_EQ(got.done.status, 2);
    EXPECT_FALSE(got.sense_bytes.empty());
    EXPECT_EQ(got.done.sense.data(), got.sense_bytes.data());
}

TEST_P(lane_test, ACommandToAnUnknownSessionIsLost) {
    answer<scsi_outcome> outcome;
    engine->execute(42, {}, outcome.callback());
    EXPECT_EQ(outcome.wait().done.outcome, iscsi::task_result::lost);
}

iscsi::command once() {
    iscsi::command what;
    what.cdb = scsi::test_unit_ready();
    what.goes_once = true;
    return what;
}

TEST_P(lane_test, ACommandThatGoesOnceIsNotSentAgain) {
    adopt();
    target.with([](memory_target& it) { it.holds_commands = true; });
    const auto sent = [this] {
        answer<session_view> seen;
        engine->look(the_session, seen.callback());
        return seen.wait().statistics.scsicmd_pdus;
    };
    answer<scsi_outcome> outcome;
    engine->execute(the_session, once(), outcome.callback());
    for (int tries = 0; tries < 500 && sent() == 0; ++tries)
        std::this_thread::sleep_for(milliseconds(10));
    ASSERT_EQ(sent(), 1U);
    target.drop_connections();
    const auto got = outcome.wait();
    EXPECT_EQ(got.done.outcome, iscsi::task_result::lost);
    EXPECT_TRUE(got.done.may_have_run);
    ASSERT_TRUE(notes.wait_for<iscsi::want_transport>());
    answer<scsi_outcome> without;
    engine->execute(the_session, once(), without.callback());
    EXPECT_FALSE(without.wait().done.may_have_run) << "there is no connection";
    target.with([](memory_target& it) { it.holds_commands = false; });
    engine->transport(the_session, target.connect());
    ASSERT_TRUE(notes.wait_for<iscsi::logged_in>());
    answer<scsi_outcome> next;
    engine->execute(the_session, once(), next.callback());
    EXPECT_EQ(next.wait().done.outcome, iscsi::task_result::answered);
    EXPECT_EQ(sent(), 2U) << "the two that had a connection";
}

TEST_P(lane_test, ACommandThatGoesOnceIsNotKeptForLater) {
    target.with([](memory_target& it) { it.options().command_window = 0; });
    adopt();
    auto what = once();
    what.timeout = std::chrono::milliseconds(50);
    answer<scsi_outcome> outcome;
    engine->execute(the_session, what, outcome.callback());
    const auto got = outcome.wait();
    EXPECT_EQ(got.done.outcome, iscsi::task_result::aborted);
    EXPECT_FALSE(got.done.may_have_run);
}

TEST_P(lane_test, ALookShowsTheSession) {
    adopt();
    answer<session_view> seen;
    engine->look(the_session, seen.callback());
    const auto view = seen.wait();
    EXPECT_EQ(view.connection, iscsi::connection_state::logged_in);
    EXPECT_EQ(view.state, iscsi::session_state::logged_in);
    EXPECT_GT(view.statistics.rxdata_octets, 0U);
    answer<session_view> nothing;
    engine->look(42, nothing.callback());
    EXPECT_EQ(nothing.wait().connection, iscsi::connection_state::free);
}

TEST_P(lane_test, AMessageOfTheTargetKeepsItsBytes) {
    adopt();
    const auto text = pattern(64, 5);
    target.each_link([&](iscsi::test::target_link& link) {
        iscsi::async_message message;
        message.async_event = 255;
        link.tell(message, text);
    });
    const auto told = notes.wait_for<iscsi::target_message>();
    ASSERT_TRUE(told);
    const note copy = *told;
    EXPECT_TRUE(std::ranges::equal(
        std::get<iscsi::target_message>(std::get<iscsi::event>(copy.what)).data, text
    ));
}

TEST_P(lane_test, AScsiEventOfTheTargetIsAUnitAttention) {
    adopt();
    const auto sense = scsi_answer::check_condition(0x6, 0x3f, 0x0e).sense;
    std::vector<std::byte> segment{std::byte{0}, static_cast<std::byte>(sense.size())};
    segment.insert(segment.end(), sense.begin(), sense.end());
    iscsi::async_message message;
    message.async_event = iscsi::async_scsi_event;
    message.lun[1] = std::byte{3};
    target.each_link([&](iscsi::test::target_link& link) { link.tell(message, segment); });
    const auto told = notes.wait_for_content<lun_attention>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->lun, message.lun);
    EXPECT_EQ(told->what, scsi::attention::luns_changed);
    EXPECT_TRUE(notes.wait_for<iscsi::target_message>()) << "and still a message";
}

// A target says it once; a scan that meets it may have read the list already.
TEST_P(lane_test, AChangedListOfLunsIsToldOfWhoeverMeetsIt) {
    adopt();
    target.with([](memory_target& it) {
        it.intercept = [](auto, const auto& cdb) -> std::optional<scsi_answer> {
            if (cdb[0] != std::byte{0x00})
                return std::nullopt;
            return scsi_answer::check_condition(0x6, 0x3f, 0x0e);
        };
    });
    iscsi::command what;
    what.cdb = scsi::test_unit_ready();
    answer<scsi_outcome> outcome;
    engine->execute(the_session, what, outcome.callback());
    EXPECT_EQ(outcome.wait().done.status, 2);
    const auto told = notes.wait_for_content<lun_attention>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->what, scsi::attention::luns_changed);
}

TEST_P(lane_test, LogoutEndsTheSessionAndItsRequests) {
    adopt_and_attach();
    engine->logout(the_session);
    const auto out = notes.wait_for<iscsi::logged_out>();
    ASSERT_TRUE(out);
    EXPECT_TRUE(std::get<iscsi::logged_out>(std::get<iscsi::event>(out->what)).clean);
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), ENOLINK);
    done_flag gone;
    engine->drop(the_session, gone.callback());
    EXPECT_TRUE(gone.wait());
    detach();
}

TEST_P(lane_test, DropEndsRequestsThatAreUnderWay) {
    adopt_and_attach();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::byte> data(512);
    auto end = start(operation::read, 0, data);
    done_flag gone;
    engine->drop(the_session, gone.callback());
    EXPECT_TRUE(gone.wait());
    EXPECT_EQ(wait(std::move(end)), ENOLINK);
    EXPECT_EQ(run(operation::read, 0, data), ENOLINK);
    detach();
}

TEST_P(lane_test, DropAndDetachOfNothingAreAnswered) {
    done_flag gone;
    engine->drop(42, gone.callback());
    EXPECT_TRUE(gone.wait());
    done_flag detached;
    engine->detach(disk, detached.callback());
    EXPECT_TRUE(detached.wait());
}

TEST_P(lane_test, ADiskWithoutItsSessionHasNoLink) {
    attach();
    std::vector<std::byte> data(512);
    EXPECT_EQ(run(operation::read, 0, data), ENOLINK);
    detach();
}

TEST_P(lane_test, DetachWaitsForTheRequests) {
    adopt_and_attach();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::byte> data(512);
    auto end = start(operation::read, 0, data);
    answer<session_view> seen; // the request has been sent when this is answered
    engine->look(the_session, seen.callback());
    seen.wait();
    done_flag gone;
    engine->detach(disk, gone.callback());
    target.with([](memory_target& it) { it.holds_commands = false; });
    target.each_link([](iscsi::test::target_link& link) { link.release_held(); });
    EXPECT_EQ(wait(std::move(end)), 0);
    EXPECT_TRUE(gone.wait());
}

TEST_P(lane_test, TheEndOfALaneSeesEverythingOff) {
    adopt_and_attach();
    target.with([](memory_target& it) { it.holds_commands = true; });
    std::vector<std::byte> data(512);
    auto end = start(operation::read, 0, data);
    engine.reset();
    EXPECT_EQ(wait(std::move(end)), ENOLINK);
}

TEST_P(lane_test, SessionsComeAndGo) {
    for (int i = 0; i < 5; ++i) {
        adopt_and_attach();
        std::vector<std::byte> data(512);
        EXPECT_EQ(run(operation::read, 0, data), 0);
        engine->logout(the_session);
        ASSERT_TRUE(notes.wait_for<iscsi::logged_out>());
        done_flag gone;
        engine->drop(the_session, gone.callback());
        EXPECT_TRUE(gone.wait());
        detach();
    }
}

INSTANTIATE_TEST_SUITE_P(Rings, lane_test, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

TEST(lane_pool, SpreadsSessionsOverItsLanes) {
    lane_pool pool(2);
    EXPECT_EQ(pool.size(), 2U);
    const auto fresh = [] { return iscsi::session({}); };
    const lane& first = pool.adopt(1, fresh(), -1, [](note) {});
    const lane& second = pool.adopt(2, fresh(), -1, [](note) {});
    EXPECT_NE(&first, &second);
    EXPECT_EQ(pool.find(1), &first);
    EXPECT_EQ(pool.find(3), nullptr);
    done_flag gone;
    pool.drop(1, gone.callback());
    EXPECT_TRUE(gone.wait());
    EXPECT_EQ(pool.find(1), nullptr);
    EXPECT_EQ(&pool.adopt(4, fresh(), -1, [](note) {}), &first);
    done_flag nothing;
    pool.drop(1, nothing.callback());
    EXPECT_TRUE(nothing.wait());
}

TEST(lane_pool, HasALaneForEachProcessorByDefault) {
    const lane_pool pool;
    EXPECT_GE(pool.size(), 1U);
    EXPECT_LE(pool.size(), 4U);
    EXPECT_TRUE(pool.ring_name() == "io_uring" || !pool.why_not().empty());
}

} // namespace
} // namespace iscsid::lane::test
