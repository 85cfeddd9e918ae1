#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include "iscsid/lane/unit.hpp"

namespace iscsid::lane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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
        while (shared.state() == unit_state::in_doubt && session.time < begin + seconds(3600)) {
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

// ---- a unit that does not say its name any more -------------------------------------------------

// It has recorded two names, vendor, product and size; it answers what the test has put there and
// refuses the rest.
class unit_without_name : public unit_identity {
  protected:
    void SetUp() override {
        session.connected = false;
        auto properties = recorded("S1");
        properties.wwid = "35000000000000000";
        properties.vendor = "MAKER";
        properties.product = "DISK";
        properties.block_count = 1000;
        shared.join(client, properties);
        session.connected = true;
        log_in();
    }

    void answer() {
        ASSERT_EQ(session.sent.size(), 1U);
        const auto cdb = session.sent[0].cdb;
        asked.insert(cdb);
        if (cdb == scsi::inquiry_vpd(scsi::vpd_page::unit_serial_number, 252) && serial)
            show(*serial);
        else if (cdb == scsi::inquiry(36) && vendor)
            give(standard_data());
        else if (cdb == scsi::read_capacity_10() && blocks)
            give(capacity_data());
        else
            refuse();
    }

    std::vector<std::byte> standard_data() const {
        std::vector<std::byte> data(36, std::byte{' '});
        data[0] = {};
        data[4] = std::byte{31};
        const auto text = *vendor + "   DISK";
        std::ranges::transform(text, data.begin() + 8, [](char each) {
            return static_cast<std::byte>(each);
        });
        return data;
    }

    std::vector<std::byte> capacity_data() const {
        std::vector<std::byte> data(8);
        data[2] = static_cast<std::byte>((*blocks - 1) >> 8U);
        data[3] = static_cast<std::byte>((*blocks - 1) & 0xffU);
        data[6] = std::byte{2};
        return data;
    }

    iscsi::duration settle() {
        return until_settled([this] { answer(); });
    }

    std::optional<std::string> serial;
    std::optional<std::string> vendor;
    std::optional<unsigned> blocks;
    std::set<scsi::cdb_field> asked;
};

TEST_F(unit_without_name, IsTheSameByItsOtherName) {
    serial = "S1";
    settle();
    EXPECT_EQ(shared.state(), unit_state::confirmed);
    EXPECT_TRUE(news().empty());
    EXPECT_EQ(asked.size(), 2U);
}

TEST_F(unit_without_name, IsTakenForTheRecordedOneWhileNothingDiffers) {
    const std::vector<std::function<void()>> ways{
        [] {},
        [this] { serial = ""; },
        [this] { vendor = "MAKER"; },
        [this] { blocks = 1000; },
        [this] { blocks = 2000; }, // it has grown
    };
    for (const auto& each : ways) {
        each();
        const auto took = settle();
        EXPECT_EQ(shared.state(), unit_state::confirmed);
        EXPECT_EQ(asked.size(), 4U);
        EXPECT_GE(took, seconds(3)) << "the name may come late";
        EXPECT_LE(took, seconds(5));
        EXPECT_EQ(news().back(), identity_news::unclear);
        log_in();
    }
}

TEST_F(unit_without_name, IsAnotherOneWhenAnythingDiffers) {
    const auto none = [this] {
        serial.reset();
        vendor.reset();
        blocks.reset();
    };
    const std::vector<std::function<void()>> ways{
        [this] { serial = "S2"; },
        [this] { vendor = "OTHER"; },
        [this] { blocks = 999; },
    };
    for (const auto& each : ways) {
        none();
        each();
        settle();
        EXPECT_EQ(shared.refusal(), EIO);
        EXPECT_TRUE(is_held());
        none();
        reach_deadline();
        while (!session.sent.empty())
            answer();
        EXPECT_EQ(shared.refusal(), EIO) << "it must say who it is";
        serial = "S1";
        reach_deadline();
        while (!session.sent.empty())
            answer();
        EXPECT_EQ(shared.refusal(), 0);
        log_in();
    }
}

// ---- what its answers tell besides --------------------------------------------------------------

// A target says it once; the effect is that of an attention which a command meets.
TEST_F(unit_identity, PassesOnWhatItsQuestionMeets) {
    for (const auto& [code, qualifier, what] :
         {std::tuple{0x2aU, 0x01U, scsi::attention::mode_changed},
          {0x29U, 0x00U, scsi::attention::reset},
          {0x2aU, 0x09U, scsi::attention::capacity_changed},
          {0x3fU, 0x0eU, scsi::attention::luns_changed}}) {
        session.attentions.clear();
        client.cache_doubts = 0;
        log_in();
        end_with_sense(0x6, static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(qualifier));
        EXPECT_EQ(session.attentions, std::vector{what});
        EXPECT_EQ(client.cache_doubts, scsi::may_change_mode(what) ? 1 : 0) << code;
        reach_deadline();
        show("S1");
        EXPECT_EQ(shared.state(), unit_state::confirmed);
    }
}

// The host doubts the unit for these; the question is put again anyway.
TEST_F(unit_identity, IsNotAskedTwiceForWhatItsQuestionMeets) {
    session.on_attention = [this] { doubt(); };
    log_in();
    const auto took = until_settled([this] { end_with_sense(0x6, 0x3f, 0x03); });
    EXPECT_GE(took, seconds(180)) << "with the pauses of any transient answer";
    EXPECT_LE(took, seconds(182));
    EXPECT_EQ(shared.refusal(), ETIMEDOUT);
    EXPECT_LT(session.submitted, 250U);
}

TEST_F(unit_identity, PassesOnWhatALateAnswerBrings) {
    log_in();
    shared.part(client);
    end_with_sense(0x6, 0x2a, 0x01);
    EXPECT_EQ(session.attentions, std::vector{scsi::attention::mode_changed});
}

TEST_F(unit_identity, ADeferredErrorThatItsQuestionMeetsIsALostWrite) {
    log_in();
    const std::array sense{std::byte{0x73}, std::byte{0x3}, std::byte{0x0c}, std::byte{}};
    iscsi::task_done done;
    done.status = static_cast<std::uint8_t>(scsi::status::check_condition);
    done.sense = sense;
    end(done);
    EXPECT_EQ(session.troubles(trouble_kind::lost_write).size(), 1U);
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
