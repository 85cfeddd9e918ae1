#include "tests/unit/iscsid/lane/unit_identity_fixture.hpp"

namespace iscsid::lane::test {
namespace {

using std::chrono::seconds;

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
        properties.block_size = 512;
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
        data[6] = static_cast<std::byte>(block_length >> 8U);
        return data;
    }

    iscsi::duration ask_all() {
        return until_settled([this] { answer(); });
    }

    std::optional<std::string> serial;
    std::optional<std::string> vendor;
    std::optional<unsigned> blocks;
    unsigned block_length = 512;
    std::set<scsi::cdb_field> asked;
};

TEST_F(unit_without_name, IsTheSameByItsOtherName) {
    serial = "S1";
    ask_all();
    EXPECT_EQ(shared.state(), unit_state::confirmed);
    EXPECT_TRUE(news().empty());
    EXPECT_EQ(asked.size(), 3U) << "and its block length, which it does not tell";
}

// Waiting requests would go to other places of the disk.
TEST_F(unit_without_name, IsAnotherOneInOtherBlocksWhateverItsName) {
    serial = "S1";
    blocks = 1000;
    block_length = 4096;
    ask_all();
    EXPECT_EQ(shared.refusal(), EIO);
    EXPECT_TRUE(is_held());
    ASSERT_EQ(news(), std::vector{identity_news::other});
    EXPECT_EQ(
        session.told_of<identity_change>().front().shown,
        "35000000000000000 with blocks of 4096 bytes instead of 512"
    );
    block_length = 512;
    blocks = 100; // less of the same
    reach_deadline();
    while (!session.sent.empty())
        answer();
    EXPECT_EQ(shared.refusal(), 0);
    EXPECT_FALSE(is_held());
}

// Whichever question is under way when the connection is lost: it is sent again on the next one,
// and may be answered by another unit than the questions before it.
TEST_F(unit_without_name, IsNotTheSameByAnswersOfTwoConnections) {
    for (int answered = 0; answered < 3; ++answered) {
        serial = "S1";
        log_in();
        for (int i = 0; i < answered; ++i)
            answer();
        EXPECT_TRUE(is_held());
        serial = "S2";
        log_in();
        ask_all();
        EXPECT_EQ(shared.refusal(), EIO) << answered << " answers before";
        serial = "S1";
        reach_deadline();
        while (!session.sent.empty())
            answer();
        EXPECT_EQ(shared.refusal(), 0);
    }
}

TEST_F(unit_identity, AUnitWithoutANameIsKnownByItsBlocks) {
    const auto capacity_with = [](std::byte block_length) {
        return std::vector<std::byte>{{}, {}, {}, std::byte{9}, {}, {}, block_length, {}};
    };
    fake_session other;
    unit nameless(other, {}, 32);
    auto properties = recorded("");
    properties.block_size = 512;
    nameless.join(client, properties);
    const auto give_capacity = [&](std::byte block_length) {
        ASSERT_EQ(other.sent.size(), 1U);
        EXPECT_EQ(other.sent[0].cdb, scsi::read_capacity_10());
        const auto data = capacity_with(block_length);
        std::ranges::copy(data, other.sent[0].data_in.begin());
        other.take();
        iscsi::task_done done;
        done.transferred = static_cast<std::uint32_t>(data.size());
        nameless.identity().command_done(0, done);
    };
    EXPECT_TRUE(other.held.contains({}));
    give_capacity(std::byte{2});
    EXPECT_FALSE(other.held.contains({}));
    nameless.doubt(identity_check::answer_under_way::counts);
    for (int i = 0; i < 20 && nameless.refusal() == 0; ++i) {
        give_capacity(std::byte{16});
        if (!nameless.identity().next_deadline())
            break;
        other.time = std::max(other.time, *nameless.identity().next_deadline());
        nameless.identity().handle_deadline(other.time);
    }
    EXPECT_EQ(nameless.refusal(), EIO);
    EXPECT_TRUE(other.held.contains({}));
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
        const auto took = ask_all();
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
        ask_all();
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

} // namespace
} // namespace iscsid::lane::test
