#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include "iscsid/lane/identity_watch.hpp"

namespace iscsid::lane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class identity_watch_test : public ::testing::Test {
  protected:
    void SetUp() override {
        session.connected = false;
        watch.watch({}, recorded("S1"), this, tell());
        session.connected = true;
    }

    static scsi::logical_unit recorded(const std::string& serial) {
        scsi::logical_unit unit;
        unit.serial = serial;
        return unit;
    }

    identity_watch::teller tell() {
        return [this](bool is_other) { told.push_back(is_other); };
    }

    void log_in() { watch.restart_timeouts(session.time); }

    // Answers the question with the unit serial number page (SPC-5 §7.7.21).
    void show(const std::string& serial, unsigned qualifier = 0) {
        ASSERT_EQ(session.sent.size(), 1U);
        const auto room = session.sent.front().data_in;
        std::fill(room.begin(), room.end(), std::byte{});
        room[0] = static_cast<std::byte>(qualifier << 5U);
        room[1] = std::byte{0x80};
        room[3] = static_cast<std::byte>(serial.size());
        std::ranges::transform(serial, room.begin() + 4, [](char each) {
            return static_cast<std::byte>(each);
        });
        iscsi::task_done done;
        done.transferred = static_cast<std::uint32_t>(4 + serial.size());
        end(done);
    }

    void end(iscsi::task_done done) {
        const auto command = session.take();
        watch.command_done(static_cast<std::uint32_t>(command.cookie), done);
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

    void reach_deadline() {
        ASSERT_TRUE(watch.next_deadline());
        session.time = std::max(session.time, *watch.next_deadline());
        watch.handle_deadline(session.time);
    }

    bool is_held() const { return session.held.contains({}); }

    fake_session session;
    identity_watch watch{session};
    std::vector<bool> told;
};

TEST_F(identity_watch_test, AsksADiskThatMovesIn) {
    fake_session connected;
    identity_watch another(connected);
    another.watch({}, recorded("S1"), this, tell());
    EXPECT_EQ(connected.sent.size(), 1U);
    EXPECT_TRUE(connected.held.contains({}));
}

TEST_F(identity_watch_test, AsksNothingWithoutAConnection) {
    EXPECT_TRUE(session.sent.empty());
    EXPECT_FALSE(is_held());
    EXPECT_FALSE(watch.next_deadline());
}

TEST_F(identity_watch_test, HoldsAUnitUntilItHasShownItself) {
    log_in();
    EXPECT_TRUE(is_held());
    ASSERT_EQ(session.sent.size(), 1U);
    EXPECT_TRUE(session.sent[0].goes_ahead);
    EXPECT_EQ(session.sent[0].cdb, scsi::inquiry_vpd(scsi::vpd_page::unit_serial_number, 1024));
    show("S1");
    EXPECT_FALSE(is_held());
    EXPECT_EQ(told, std::vector{false});
    EXPECT_TRUE(session.attentions.empty());
    EXPECT_FALSE(watch.next_deadline());
}

TEST_F(identity_watch_test, TellsOfAnotherUnitAndOfTheRightOneWhenItIsBack) {
    log_in();
    const auto begin = session.time;
    while (told.empty() && session.time < begin + seconds(10)) {
        show("S2");
        EXPECT_TRUE(is_held());
        reach_deadline();
    }
    EXPECT_EQ(told, std::vector{true});
    EXPECT_GE(session.time - begin, seconds(3)) << "it may get its identity late";
    EXPECT_EQ(session.attentions, std::vector{scsi::attention::inquiry_changed});
    show("S2");
    EXPECT_EQ(session.attentions.size(), 1U) << "said once";
    reach_deadline();
    show("S1");
    EXPECT_FALSE(told.back());
    EXPECT_EQ(session.attentions.size(), 2U);
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, AsksAgainWhenSomethingIsNotAsItWas) {
    log_in();
    show("S1");
    iscsi::lun_field another{};
    another[1] = std::byte{9};
    watch.doubt(another);
    EXPECT_FALSE(is_held());
    watch.doubt({});
    EXPECT_TRUE(is_held());
    show("S1");
    EXPECT_FALSE(is_held());
    watch.doubt_all();
    watch.doubt({}); // while the question is under way
    show("S1");
    EXPECT_FALSE(is_held());
    EXPECT_TRUE(session.sent.empty());
}

TEST_F(identity_watch_test, SeveralDisksOfAUnitShareTheQuestion) {
    int others = 0;
    watch.watch({}, recorded("S1"), &others, [&others](bool /*is_other*/) { ++others; });
    log_in();
    EXPECT_EQ(session.sent.size(), 1U);
    watch.forget({}, this);
    EXPECT_TRUE(is_held()) << "one is left";
    show("S1");
    EXPECT_EQ(others, 1);
    EXPECT_TRUE(told.empty());
    EXPECT_FALSE(is_held());
    log_in();
    EXPECT_TRUE(is_held());
    watch.forget({}, &others);
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, ADiskThatComesLaterHearsThatTheUnitIsAnother) {
    log_in();
    while (told.empty()) {
        show("S2");
        reach_deadline();
    }
    std::vector<bool> heard;
    watch.watch({}, recorded("S1"), &heard, [&heard](bool is_other) { heard.push_back(is_other); });
    EXPECT_EQ(heard, std::vector{true});
    show("S1");
    EXPECT_EQ(heard, (std::vector{true, false}));
}

TEST_F(identity_watch_test, AsksByDesignatorWhereThereIsOne) {
    auto unit = recorded("S1");
    unit.wwid = "naa";
    iscsi::lun_field second{};
    second[1] = std::byte{1};
    watch.watch(second, unit, this, tell());
    ASSERT_EQ(session.sent.size(), 1U);
    EXPECT_EQ(session.sent[0].lun, second);
    EXPECT_EQ(session.sent[0].cdb, scsi::inquiry_vpd(scsi::vpd_page::device_identification, 1024));
}

TEST_F(identity_watch_test, AUnitWithoutAnIdentityIsNotWatched) {
    fake_session plain;
    identity_watch nobody(plain);
    nobody.watch({}, recorded(""), this, tell());
    nobody.restart_timeouts(plain.time);
    EXPECT_TRUE(plain.sent.empty());
    EXPECT_TRUE(plain.held.empty());
}

TEST_F(identity_watch_test, AsksAgainWhenTheAnswerSaysNothing) {
    const std::vector<std::function<void()>> answers{
        [this] { end_with(scsi::status::busy); },
        [this] { end_with(scsi::status::check_condition); },
        [this] { end_with(iscsi::task_result::aborted); },
        [this] { show("S1", 1); },                // qualifier 001b: not there now
        [this] { end_with(scsi::status::good); }, // no data at all
    };
    log_in();
    for (const auto& each : answers) {
        each();
        EXPECT_TRUE(is_held());
        EXPECT_TRUE(told.empty());
        EXPECT_TRUE(session.sent.empty()) << "not at once";
        reach_deadline();
        ASSERT_EQ(session.sent.size(), 1U);
    }
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, TakesAUnitThatIsNotThereForAnotherOneInTheEnd) {
    log_in();
    const auto begin = session.time;
    while (told.empty() && session.time < begin + seconds(60)) {
        show("", 3);
        reach_deadline();
    }
    EXPECT_TRUE(told.back());
    EXPECT_GE(session.time - begin, seconds(29));
    EXPECT_LE(session.time - begin, seconds(32));
    show("S1");
    EXPECT_FALSE(told.back());
}

TEST_F(identity_watch_test, SilenceIsNoProof) {
    log_in();
    const auto begin = session.time;
    while (session.time < begin + seconds(200)) {
        end_with(iscsi::task_result::aborted);
        reach_deadline();
    }
    EXPECT_TRUE(told.empty());
    EXPECT_TRUE(is_held());
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, AQuestionWithoutAnAnswerIsAborted) {
    log_in();
    reach_deadline();
    EXPECT_EQ(session.aborted, std::vector{iscsi::task_id{1}});
    EXPECT_FALSE(watch.next_deadline()) << "the session ends it";
    end_with(iscsi::task_result::aborted);
    reach_deadline();
    EXPECT_EQ(session.submitted, 2U);
}

TEST_F(identity_watch_test, WaitsForTheNextLoginWithoutAConnection) {
    log_in();
    session.connected = false;
    reach_deadline(); // of a question that the session keeps
    EXPECT_TRUE(session.aborted.empty());
    EXPECT_GT(*watch.next_deadline(), session.time);
    session.connected = true;
    log_in();
    EXPECT_EQ(session.submitted, 1U) << "it goes out again by itself";
    session.connected = false;
    end_with(iscsi::task_result::lost);
    EXPECT_TRUE(is_held());
    EXPECT_FALSE(watch.next_deadline());
    session.connected = true;
    log_in();
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, TriesAgainWhenNoSlotIsFree) {
    session.slots = 0;
    log_in();
    EXPECT_TRUE(session.sent.empty());
    session.slots = 1;
    reach_deadline();
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, AForgottenUnitIsLetGo) {
    log_in();
    watch.forget({}, this);
    EXPECT_FALSE(is_held());
    show("S2");
    EXPECT_TRUE(told.empty());
    log_in();
    EXPECT_TRUE(session.sent.empty());
    watch.watch({}, recorded("S3"), this, tell()); // its place is free again
    show("S3");
    EXPECT_FALSE(is_held());
}

TEST_F(identity_watch_test, NothingIsLeftWhenTheSessionIsGone) {
    log_in();
    watch.session_gone();
    watch.forget({}, this);
    EXPECT_FALSE(watch.next_deadline());
}

} // namespace
} // namespace iscsid::lane::test
