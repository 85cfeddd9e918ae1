#include "tests/unit/iscsid/lane/unit_identity_fixture.hpp"

namespace iscsid::lane::test {
namespace {

using std::chrono::seconds;

TEST_F(unit_identity, AsksADiskThatMovesIn) {
    fake_session connected;
    unit fresh(connected, {}, 32);
    fresh.join(client, recorded("S1"));
    EXPECT_EQ(connected.sent.size(), 1U);
    EXPECT_TRUE(connected.held.contains({}));
}

TEST_F(unit_identity, AsksNothingWithoutAConnection) {
    EXPECT_TRUE(session.sent.empty());
    EXPECT_FALSE(is_held());
    EXPECT_FALSE(shared.identity().next_deadline());
}

// Targets of SPC-2 read one byte of the allocation length.
TEST_F(unit_identity, HoldsAUnitUntilItHasShownItself) {
    log_in();
    EXPECT_TRUE(is_held());
    ASSERT_EQ(session.sent.size(), 1U);
    EXPECT_TRUE(session.sent[0].goes_ahead);
    EXPECT_EQ(session.sent[0].cdb, scsi::inquiry_vpd(scsi::vpd_page::unit_serial_number, 252));
    EXPECT_EQ(session.sent[0].data_in.size(), 252U);
    show("S1");
    EXPECT_FALSE(is_held());
    EXPECT_EQ(shared.refusal(), 0);
    EXPECT_TRUE(news().empty());
    EXPECT_FALSE(shared.identity().next_deadline());
}

TEST_F(unit_identity, TellsOfAnotherUnitAndOfTheRightOneWhenItIsBack) {
    log_in();
    EXPECT_GE(until_settled([this] { show("S2"); }), seconds(3)) << "it may get its name late";
    EXPECT_TRUE(is_held());
    EXPECT_EQ(shared.refusal(), EIO);
    EXPECT_EQ(client.ends, 1);
    EXPECT_EQ(client.aborts, 1);
    ASSERT_EQ(news(), std::vector{identity_news::other});
    const auto change = session.told_of<identity_change>().front();
    EXPECT_EQ(change.recorded, "S1");
    EXPECT_EQ(change.shown, "S2");
    reach_deadline();
    show("S2");
    EXPECT_EQ(news().size(), 1U) << "said once";
    reach_deadline();
    show("S1");
    EXPECT_EQ(shared.refusal(), 0);
    EXPECT_EQ(client.restarts, 1);
    EXPECT_EQ(news(), (std::vector{identity_news::other, identity_news::confirmed}));
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, AsksAgainWhenTheTargetSaysThatItHasChanged) {
    log_in();
    show("S1");
    doubt();
    EXPECT_TRUE(is_held());
    show("S1");
    EXPECT_FALSE(is_held());
    EXPECT_TRUE(session.sent.empty());
}

TEST_F(unit_identity, AnAnswerThatMayBeOlderThanTheChangeDoesNotCount) {
    log_in();
    doubt(); // while the question is under way
    show("S1");
    EXPECT_TRUE(is_held());
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, SeveralDisksOfAUnitShareTheQuestion) {
    fake_client second;
    shared.join(second, recorded("S1"));
    log_in();
    EXPECT_EQ(session.sent.size(), 1U);
    shared.part(client);
    EXPECT_TRUE(is_held()) << "one is left";
    show("S1");
    EXPECT_EQ(second.restarts, 1);
    EXPECT_EQ(client.restarts, 0);
    EXPECT_FALSE(is_held());
    log_in();
    EXPECT_TRUE(is_held());
    shared.part(second);
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, ADiskThatComesLaterIsRefusedToo) {
    log_in();
    until_settled([this] { show("S2"); });
    fake_client second;
    shared.join(second, recorded("S1"));
    EXPECT_EQ(shared.refusal(), EIO);
    reach_deadline();
    show("S1");
    EXPECT_EQ(second.restarts, 1);
    EXPECT_EQ(shared.refusal(), 0);
}

TEST_F(unit_identity, AsksByDesignatorWhereThereIsOne) {
    auto properties = recorded("S1");
    properties.wwid = "naa";
    fake_session other;
    unit second(other, {}, 32);
    second.join(client, properties);
    ASSERT_EQ(other.sent.size(), 1U);
    EXPECT_EQ(other.sent[0].cdb, scsi::inquiry_vpd(scsi::vpd_page::device_identification, 252));
}

TEST_F(unit_identity, AUnitWithoutAnIdentityIsNotWatched) {
    fake_session plain;
    unit nobody(plain, {}, 32);
    nobody.join(client, recorded(""));
    nobody.doubt(identity_check::answer_under_way::counts);
    EXPECT_TRUE(plain.sent.empty());
    EXPECT_TRUE(plain.held.empty());
}

TEST_F(unit_identity, AsksAgainWhenTheAnswerSaysNothing) {
    const std::vector<std::function<void()>> answers{
        [this] { end_with(scsi::status::busy); },
        [this] { end_with(scsi::status::task_set_full); },
        [this] { end_with_sense(0x2, 0x04, 0x01); }, // becoming ready
        [this] { end_with_sense(0x6, 0x29, 0x00); }, // unit attention
        [this] { end_with(scsi::status::check_condition); },
        [this] { end_with(iscsi::task_result::aborted); },
        [this] { show("S1", 1); }, // qualifier 001b: not there now
        [this] { give({}); },      // no data at all
    };
    log_in();
    for (const auto& each : answers) {
        each();
        EXPECT_TRUE(is_held());
        EXPECT_TRUE(news().empty());
        EXPECT_TRUE(session.sent.empty()) << "not at once";
        reach_deadline();
        ASSERT_EQ(session.sent.size(), 1U);
    }
    show("S1");
    EXPECT_FALSE(is_held());
    EXPECT_EQ(news(), std::vector{identity_news::confirmed}) << "it took more than one question";
}

// What asks for patience gets as much as any command gets, not the time of one answer.
TEST_F(unit_identity, TransientAnswersGetThePatienceOfACommand) {
    const std::vector<std::function<void()>> answers{
        [this] { end_with(scsi::status::busy); },
        [this] { end_with(scsi::status::task_set_full); },
        [this] { end_with_sense(0x2, 0x04, 0x01); },
        [this] { end_with_sense(0x2, 0x04, 0x0a); }, // ALUA transition
        [this] { end_with_sense(0x6, 0x29, 0x00); },
        [this] { end_with_sense(0x6, 0x3f, 0x0e); },
        [this] { end_with(iscsi::task_result::aborted); },
    };
    for (const auto& each : answers) {
        log_in();
        const auto begin = session.time;
        while (session.time < begin + seconds(150)) {
            each();
            ASSERT_EQ(shared.refusal(), 0);
            ASSERT_TRUE(is_held());
            reach_deadline();
        }
        show("S1");
        EXPECT_EQ(shared.state(), unit_state::confirmed);
    }
}

TEST_F(unit_identity, NothingButTransientAnswersFailTheRequestsInTheEnd) {
    log_in();
    const auto took = until_settled([this] { end_with(scsi::status::busy); });
    EXPECT_GE(took, seconds(180));
    EXPECT_LE(took, seconds(182));
    EXPECT_EQ(shared.refusal(), ETIMEDOUT);
    EXPECT_EQ(news(), std::vector{identity_news::silent});
    reach_deadline();
    show("S1");
    EXPECT_EQ(shared.refusal(), 0);
}

// A new connection is a new chance, but not for a unit that was seen to be another one.
TEST_F(unit_identity, ALoginGivesASilentUnitItsPatienceAgain) {
    log_in();
    until_settled([this] { end_with(scsi::status::busy); });
    ASSERT_EQ(shared.state(), unit_state::silent);
    log_in();
    EXPECT_EQ(shared.refusal(), 0);
    EXPECT_TRUE(is_held());
    until_settled([this] { show("S2"); });
    log_in();
    EXPECT_EQ(shared.refusal(), EIO);
}

TEST_F(unit_identity, TakesAUnitThatIsNotThereForAnotherOneInTheEnd) {
    const std::vector<std::function<void()>> answers{
        [this] { show("", 3); },
        [this] { end_with_sense(0x5, 0x25, 0x00); }, // LOGICAL UNIT NOT SUPPORTED
    };
    for (const auto& each : answers) {
        log_in();
        const auto took = until_settled(each);
        EXPECT_EQ(shared.refusal(), EIO);
        EXPECT_GE(took, seconds(30));
        EXPECT_LE(took, seconds(32));
        reach_deadline();
        show("S1");
        EXPECT_EQ(shared.refusal(), 0);
    }
}

// SPC-2 targets, and broken ones: nothing proves that the unit is another one, and nothing better
// will come.
TEST_F(unit_identity, AUnitThatDoesNotSayWhoItIsIsTakenForTheRecordedOne) {
    const std::vector<std::vector<std::byte>> pages{
        {},                                                                     // 0 bytes, GOOD
        {std::byte{}},                                                          //
        {std::byte{}, std::byte{0x80}},                                         //
        {std::byte{}, std::byte{0x80}, std::byte{}, std::byte{}},               // empty
        {std::byte{}, std::byte{0x80}, std::byte{}, std::byte{9}, std::byte{}}, // cut
        {std::byte{}, std::byte{0x83}, std::byte{}, std::byte{}},               // another page
        std::vector<std::byte>(36),                                             // standard data
    };
    for (const auto& page : pages) {
        log_in();
        const auto took = until_settled([&] { give(page); });
        EXPECT_EQ(shared.state(), unit_state::confirmed) << page.size();
        EXPECT_LE(took, seconds(5));
        EXPECT_FALSE(is_held());
        EXPECT_EQ(news().back(), identity_news::unclear);
        EXPECT_TRUE(session.sent.empty());
        EXPECT_FALSE(shared.identity().next_deadline()) << "asks on and on";
    }
    EXPECT_EQ(news().size(), pages.size()) << "one line each";
}

TEST_F(unit_identity, AUnitThatWasSeenToBeAnotherOneMustSayWhoItIs) {
    log_in();
    until_settled([this] { show("S2"); });
    for (int i = 0; i < 20; ++i) {
        reach_deadline();
        give({});
    }
    EXPECT_EQ(shared.refusal(), EIO);
    EXPECT_EQ(news(), std::vector{identity_news::other});
}

// The name is behind the 252 bytes of the first question.
TEST_F(unit_identity, AsksForMoreWhenThePageSaysThatItIsLonger) {
    std::vector<std::byte> page(4 + 600);
    page[1] = std::byte{0x83};
    page[2] = std::byte{600 >> 8};
    page[3] = std::byte{600 & 0xff};
    page[4 + 3] = std::byte{255}; // a vendor specific designator, to be passed over
    const std::size_t at = 4 + 4 + 255;
    page[at] = std::byte{1};     // binary
    page[at + 1] = std::byte{3}; // NAA, of the logical unit
    page[at + 3] = std::byte{8};
    page[at + 4] = std::byte{0x50};
    auto properties = recorded("S1");
    properties.wwid = "35000000000000000";
    shared.part(client);
    shared.join(client, properties);
    ASSERT_EQ(session.sent.size(), 1U);
    give(page);
    ASSERT_EQ(session.sent.size(), 1U) << "at once";
    EXPECT_EQ(session.sent[0].cdb, scsi::inquiry_vpd(scsi::vpd_page::device_identification, 604));
    EXPECT_TRUE(is_held());
    give(page);
    EXPECT_EQ(shared.state(), unit_state::confirmed);
    EXPECT_TRUE(news().empty());
    // A target that goes on giving 252 bytes does not keep it asking.
    log_in();
    EXPECT_LE(until_settled([&] { give(page, 252); }), seconds(5));
    EXPECT_EQ(shared.state(), unit_state::confirmed);
    EXPECT_EQ(news(), std::vector{identity_news::unclear});
}

TEST_F(unit_identity, AQuestionHasATime) {
    log_in();
    EXPECT_EQ(session.sent.at(0).timeout, seconds(30));
    EXPECT_FALSE(shared.identity().next_deadline()) << "the session ends it";
    end_with(iscsi::task_result::aborted);
    reach_deadline();
    EXPECT_EQ(session.submitted, 2U);
}

TEST_F(unit_identity, WaitsForTheNextLoginWithoutAConnection) {
    log_in();
    session.connected = false; // the session keeps the question
    session.connected = true;
    log_in();
    EXPECT_EQ(session.submitted, 1U) << "it goes out again by itself";
    session.connected = false;
    end_with(iscsi::task_result::lost);
    EXPECT_TRUE(is_held());
    EXPECT_FALSE(shared.identity().next_deadline());
    session.connected = true;
    log_in();
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, TriesAgainWhenNoSlotIsFree) {
    session.slots = 0;
    log_in();
    EXPECT_TRUE(session.sent.empty());
    session.slots = 1;
    reach_deadline();
    show("S1");
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, AUnitWithoutDisksIsLetGo) {
    log_in();
    shared.part(client);
    EXPECT_FALSE(is_held());
    show("S2");
    EXPECT_TRUE(news().empty());
    log_in();
    EXPECT_TRUE(session.sent.empty());
    shared.join(client, recorded("S3"));
    show("S3");
    EXPECT_FALSE(is_held());
}

TEST_F(unit_identity, ADiskThatMovesInMeanwhileIsNotJudgedByTheQuestionOfAnother) {
    log_in();
    shared.part(client);
    shared.join(client, recorded("S3"));
    show("S1"); // asked for the disk that is gone
    EXPECT_TRUE(is_held());
    show("S3");
    EXPECT_FALSE(is_held());
    EXPECT_TRUE(news().empty());
}

TEST_F(unit_identity, NothingIsAskedWhenTheSessionIsGone) {
    log_in();
    shared.identity().session_gone();
    EXPECT_FALSE(shared.identity().next_deadline());
}

// One unit's doubt is no other unit's.
TEST_F(unit_identity, OnlyTheUnitInDoubtIsHeld) {
    iscsi::lun_field second_lun{};
    second_lun[1] = std::byte{1};
    unit second(session, second_lun, 32);
    fake_client neighbour;
    second.join(neighbour, recorded("T1"));
    ASSERT_EQ(session.sent.size(), 1U);
    session.take();
    log_in();
    until_settled([this] { show("S2"); });
    EXPECT_EQ(shared.refusal(), EIO);
    EXPECT_EQ(second.refusal(), 0);
    EXPECT_EQ(neighbour.ends + neighbour.aborts, 0);
}

} // namespace
} // namespace iscsid::lane::test
