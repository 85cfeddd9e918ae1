#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>

namespace iscsid::lane::test {
namespace {

// What a target lost after it had answered GOOD: whoever flushes hears of it, once.
class lost_writes_test : public lun_queue_fixture {
  protected:
    void refuse_synchronize_cache_10() {
        flush(0);
        answer_sense(0x5, 0x20, 0x00);
        answer_good();
        ended.clear();
    }

    // A flush that goes well tells of nothing.
    void expect_next_flush_is_good(std::uint64_t tag) {
        flush(tag);
        answer_good();
        EXPECT_EQ(ended.at(tag), 0);
    }

    bool sends_flush() const {
        const auto what = scsi::operation_of(session.sent.at(0).cdb);
        return what == scsi::operation_code::synchronize_cache_10 ||
               what == scsi::operation_code::synchronize_cache_16;
    }
};

struct bad_sense {
    std::uint8_t key, code, qualifier;
};

// Response codes of sense data: current and deferred errors, in fixed and in descriptor format.
constexpr std::array<std::uint8_t, 4> all_formats = {0x70, 0x71, 0x72, 0x73};
constexpr std::array<std::uint8_t, 2> current_formats = {0x70, 0x72};
constexpr std::array<std::uint8_t, 2> deferred_formats = {0x71, 0x73};

constexpr std::array losses = {
    bad_sense{0x3, 0x0c, 0x00}, // MEDIUM ERROR, write error
    bad_sense{0x3, 0x03, 0x00}, // peripheral device write fault
    bad_sense{0x3, 0x11, 0x00},
    bad_sense{0x4, 0x44, 0x00}, // HARDWARE ERROR, internal target failure
    bad_sense{0x4, 0x0c, 0x02},
};

TEST_F(lost_writes_test, AFlushThatCouldNotWriteFailsOnceAndIsNotRepeated) {
    for (const bool sixteen : {false, true}) {
        if (sixteen)
            refuse_synchronize_cache_10();
        for (const std::uint8_t format : all_formats)
            for (const auto& each : losses) {
                const auto before = session.submitted;
                flush(1);
                ASSERT_TRUE(sends_flush());
                answer_sense(each.key, each.code, each.qualifier, format);
                EXPECT_EQ(ended.at(1), EIO) << unsigned{format} << ' ' << unsigned{each.code};
                EXPECT_EQ(session.submitted, before + 1) << "the second one would succeed";
                expect_next_flush_is_good(2);
                ended.clear();
            }
    }
}

TEST_F(lost_writes_test, AFlushThatNobodyCanReadTheErrorOfFails) {
    flush(1);
    iscsi::task_done done;
    done.status = static_cast<std::uint8_t>(scsi::status::check_condition);
    answer(done);
    EXPECT_EQ(ended.at(1), EIO);
    expect_next_flush_is_good(2);
}

TEST_F(lost_writes_test, AFullPoolKeepsItsErrno) {
    flush(1);
    answer_sense(0x7, 0x27, 0x07);
    EXPECT_EQ(ended.at(1), ENOSPC);
    expect_next_flush_is_good(2);
}

TEST_F(lost_writes_test, AFlushThatWasNotExecutedIsRepeated) {
    const std::vector<std::function<void()>> answers{
        [this] { answer_status(scsi::status::busy), reach_deadline(); },
        [this] { answer_sense(0x6, 0x29, 0x00); },
        [this] { answer_sense(0x2, 0x04, 0x01), reach_deadline(); },
        [this] { answer_sense(0xb, 0x47, 0x00); },
        [this] { answer_sense(0x1, 0x0c, 0x01, 0x71); }, // deferred, but recovered
        [this] { answer_outcome(iscsi::task_result::aborted); },
    };
    std::uint64_t tag = 0;
    for (const auto& each : answers) {
        flush(++tag);
        each();
        ASSERT_EQ(session.sent.size(), 1U) << tag;
        EXPECT_TRUE(sends_flush());
        answer_good();
        EXPECT_EQ(ended.at(tag), 0) << tag;
    }
    EXPECT_TRUE(session.troubles(trouble_kind::lost_write).empty());
}

// SPC-4 §4.5.5: the command that brings the news was not executed and is repeated, whatever it is.
TEST_F(lost_writes_test, ADeferredErrorFailsTheNextFlushOnce) {
    const std::vector<std::function<void()>> commands{
        [this] { read(1); },
        [this] { write(1); },
        [this] { write(1, true); }, // and a SYNCHRONIZE CACHE behind it, for there is no FUA bit
        [this] { zero(1); },
    };
    for (const auto& command : commands)
        for (const std::uint8_t format : deferred_formats) {
            command();
            const auto first = session.sent.at(0).cdb;
            answer_sense(0x3, 0x0c, 0x00, format);
            ASSERT_EQ(session.sent.size(), 1U);
            EXPECT_EQ(session.sent[0].cdb, first);
            while (!session.sent.empty())
                answer_good();
            EXPECT_EQ(ended.at(1), 0) << "it was executed in the end";
            flush(2);
            answer_good();
            EXPECT_EQ(ended.at(2), EIO);
            expect_next_flush_is_good(3);
            ended.clear();
        }
}

TEST_F(lost_writes_test, AnErrorOfTheCommandItselfIsNoLoss) {
    for (const std::uint8_t format : current_formats) {
        read(1);
        answer_sense(0x3, 0x11, 0x00, format);
        EXPECT_EQ(ended.at(1), ENODATA);
        write(2);
        while (!session.sent.empty())
            answer_sense(0x3, 0x0c, 0x00, format);
        EXPECT_EQ(ended.at(2), EIO);
        expect_next_flush_is_good(3);
        ended.clear();
    }
    EXPECT_TRUE(session.troubles(trouble_kind::lost_write).empty());
}

TEST_F(lost_writes_test, AWriteWithTheFuaBitIsRepeatedAndTheLossBeforeItIsTheFlushes) {
    auto able = properties();
    able.dpofua = true;
    queue.refresh(able, session.time);
    write(1, true);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_10({1, 1}, true));
    answer_sense(0x3, 0x0c, 0x00, 0x71);
    EXPECT_EQ(session.sent.at(0).cdb, scsi::write_10({1, 1}, true));
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
    flush(2);
    answer_good();
    EXPECT_EQ(ended.at(2), EIO);
    expect_next_flush_is_good(3);
}

// What its SYNCHRONIZE CACHE could not write may be anybody's, so it is not only this write's
// error.
TEST_F(lost_writes_test, AWriteThatCouldNotBeFlushedFailsAndTheLossIsToldToTheNextFlush) {
    write(1, true);
    answer_good();
    ASSERT_TRUE(sends_flush());
    answer_sense(0x3, 0x0c, 0x00);
    EXPECT_EQ(ended.at(1), EIO);
    flush(2);
    answer_good();
    EXPECT_EQ(ended.at(2), EIO);
    expect_next_flush_is_good(3);
}

TEST_F(lost_writes_test, ALossWhileAFlushIsUnderWayIsTold) {
    flush(1);
    read(2);
    const auto sync = session.take();
    answer_sense(0x3, 0x0c, 0x00, 0x71);
    queue.command_done(static_cast<std::uint32_t>(sync.cookie), {});
    EXPECT_EQ(ended.at(1), EIO);
    answer_good();
    EXPECT_EQ(ended.at(2), 0);
    expect_next_flush_is_good(3);
}

TEST_F(lost_writes_test, SeveralLossesAreOneErrorOfOneFlush) {
    for (std::uint64_t tag = 1; tag <= 3; ++tag) {
        read(tag);
        answer_sense(0x3, 0x0c, 0x00, 0x71);
        answer_good();
    }
    flush(4);
    answer_good();
    EXPECT_EQ(ended.at(4), EIO);
    expect_next_flush_is_good(5);
}

TEST_F(lost_writes_test, AUnitWithoutACacheTellsOfALossToo) {
    auto through = properties();
    through.write_cache_enabled = false;
    queue.refresh(through, session.time);
    read(1);
    answer_sense(0x3, 0x0c, 0x00, 0x71);
    answer_good();
    flush(2);
    EXPECT_EQ(ended.at(2), EIO);
    flush(3);
    EXPECT_EQ(ended.at(3), 0);
    EXPECT_TRUE(session.sent.empty());
}

// Nobody knows whose write it was.
TEST_F(lost_writes_test, EachClientOfTheUnitHearsOnce) {
    lun_queue second(&shared, properties());
    read(1);
    answer_sense(0x3, 0x0c, 0x00, 0x71);
    answer_good();
    flush(2);
    answer_good();
    EXPECT_EQ(ended.at(2), EIO);
    lun_queue late(&shared, properties()); // its data cannot be what was lost
    std::uint64_t tag = 10;
    const auto flush_of = [&](lun_queue& whose) {
        block_request request;
        request.op = operation::flush;
        request.tag = ++tag;
        whose.submit(request, *this);
        whose.command_done(static_cast<std::uint32_t>(session.take().cookie), {});
        return ended.at(tag);
    };
    EXPECT_EQ(flush_of(second), EIO);
    EXPECT_EQ(flush_of(second), 0);
    EXPECT_EQ(flush_of(late), 0);
    expect_next_flush_is_good(3);
}

TEST_F(lost_writes_test, ALossThatNobodyHasHeardOfIsToldToWhoComesNext) {
    shared.attention(scsi::attention::deferred_error); // by a command of a scan, say
    lun_queue late(&shared, properties());
    block_request request;
    request.op = operation::flush;
    request.tag = 1;
    late.submit(request, *this);
    late.command_done(static_cast<std::uint32_t>(session.take().cookie), {});
    EXPECT_EQ(ended.at(1), EIO);
}

TEST_F(lost_writes_test, ALossOfOneUnitIsNoOther_s) {
    iscsi::lun_field second_lun{};
    second_lun[1] = std::byte{1};
    unit neighbour(session, second_lun, 32);
    neighbour.attention(scsi::attention::deferred_error);
    expect_next_flush_is_good(1);
}

TEST_F(lost_writes_test, ALossIsLogged) {
    read(1);
    answer_sense(0x3, 0x0c, 0x00, 0x71);
    const auto told = session.troubles(trouble_kind::lost_write);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].reason, "CHECK CONDITION, deferred MEDIUM ERROR 0C/00");
    answer_good();
    flush(2);
    answer_good();
    const auto failed = session.troubles(trouble_kind::failed);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].op, operation::flush);
    EXPECT_EQ(failed[0].error, EIO);
}

} // namespace
} // namespace iscsid::lane::test
