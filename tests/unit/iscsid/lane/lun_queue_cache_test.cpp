#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

namespace iscsid::lane {
namespace {

using namespace test;
using scsi::attention;

constexpr std::uint8_t illegal_request = 5;
constexpr std::uint8_t unit_attention = 6;

class lun_queue_cache : public lun_queue_fixture {
  protected:
    static scsi::logical_unit unit(bool enabled, bool known = true) {
        auto what = properties();
        what.write_cache_enabled = enabled;
        what.write_cache_known = known;
        return what;
    }

    void look(bool enabled, bool known = true) {
        session.time += std::chrono::seconds(1);
        shared.refresh(unit(enabled, known), session.time);
    }

    void refuse() { answer_sense(illegal_request, 0x20, 0x00); }

    // The end of a flush, when the unit refuses every command that it causes.
    int refused_flush(std::uint64_t tag) {
        flush(tag);
        while (!session.sent.empty())
            refuse();
        return ended.at(tag);
    }
};

TEST_F(lun_queue_cache, flushes_cost_nothing_while_there_is_none) {
    look(false);
    flush(1);
    EXPECT_EQ(ended.at(1), 0);
    EXPECT_EQ(session.submitted, 0U);
    look(true);
    flush(2);
    EXPECT_EQ(session.submitted, 1U);
    answer_good();
    EXPECT_EQ(ended.at(2), 0);
}

// The attention comes with whatever is sent next, mostly a write; that is sent again.
TEST_F(lun_queue_cache, is_flushed_from_the_attention_on) {
    for (const auto& [code, qualifier] :
         {std::pair{0x2aU, 0x01U},
          {0x29U, 0x00U},
          {0x2aU, 0x06U},
          {0x2aU, 0x00U},
          {0x28U, 0x00U}}) {
        ended.clear();
        look(false);
        read(1);
        answer_sense(
            unit_attention, static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(qualifier)
        );
        answer_good();
        EXPECT_EQ(ended.at(1), 0);
        flush(2);
        ASSERT_EQ(session.sent.size(), 1U) << code;
        answer_good();
        look(false);
        flush(3);
        EXPECT_TRUE(session.sent.empty()) << "the look has said that there is none";
    }
}

// Each client of an export has a queue; the target says it to one of them, or to a scan.
TEST_F(lun_queue_cache, is_the_same_for_all_clients_of_the_unit) {
    look(false);
    shared.doubt_write_cache(session.time);
    flush(1);
    EXPECT_EQ(session.submitted, 1U);
    answer_good();
    lun_queue later(&shared, unit(false));
    shared.join(later, unit(false));
    block_request request;
    request.op = operation::flush;
    request.tag = 2;
    later.submit(request, *this);
    EXPECT_EQ(session.submitted, 2U) << "also for one that comes before the next look";
    const auto command = session.take();
    iscsi::task_done done;
    done.cookie = command.cookie;
    later.command_done(static_cast<std::uint32_t>(command.cookie), done);
    look(false);
    request.tag = 3;
    later.submit(request, *this);
    EXPECT_EQ(ended.at(3), 0);
    EXPECT_EQ(session.submitted, 2U);
    shared.part(later);
}

// Its driver was told long ago what it is made of.
TEST_F(lun_queue_cache, that_a_look_has_found_is_flushed_by_clients_that_come_later) {
    look(true);
    lun_queue later(&shared, unit(false));
    shared.join(later, unit(false));
    block_request request;
    request.op = operation::flush;
    request.tag = 1;
    later.submit(request, *this);
    ASSERT_EQ(session.submitted, 1U);
    const auto command = session.take();
    iscsi::task_done done;
    done.cookie = command.cookie;
    later.command_done(static_cast<std::uint32_t>(command.cookie), done);
    EXPECT_EQ(ended.at(1), 0);
    shared.part(later);
}

TEST_F(lun_queue_cache, that_is_not_known_and_cannot_be_flushed_is_not_there) {
    look(true, false);
    EXPECT_EQ(refused_flush(1), 0);
    EXPECT_EQ(session.submitted, 2U) << "both forms";
    EXPECT_EQ(session.attentions, std::vector{attention::flush_refused});
    EXPECT_EQ(refused_flush(2), 0);
    EXPECT_EQ(session.submitted, 2U);
    EXPECT_EQ(session.attentions.size(), 1U) << "told once";
}

TEST_F(lun_queue_cache, that_is_known_and_cannot_be_flushed_is_an_error) {
    look(true);
    EXPECT_EQ(refused_flush(1), EREMOTEIO);
    EXPECT_EQ(refused_flush(2), EREMOTEIO);
    EXPECT_TRUE(session.attentions.empty());
}

TEST_F(lun_queue_cache, with_the_long_form_only_is_flushed_by_that) {
    look(true, false);
    flush(1);
    refuse();
    answer_good();
    EXPECT_EQ(ended.at(1), 0);
    flush(2);
    EXPECT_EQ(
        scsi::operation_of(session.sent.at(0).cdb), scsi::operation_code::synchronize_cache_16
    );
    answer_good();
    EXPECT_TRUE(session.attentions.empty());
}

// ---- a cache that is gone when the flush comes --------------------------------------------------

// Whether a flush that comes now is sent; it must be, exactly once, for what was written before.
class lun_queue_cache_gone : public lun_queue_cache {
  protected:
    void SetUp() override {
        lun_queue_cache::SetUp();
        look(false);
    }

    bool next_flush_is_sent() {
        const auto tag = next_tag++;
        flush(tag);
        const bool is_sent = !session.sent.empty();
        if (is_sent)
            answer_good();
        EXPECT_EQ(ended.at(tag), 0);
        return is_sent;
    }

    void doubt() {
        session.time += std::chrono::seconds(1);
        shared.doubt_write_cache(session.time);
    }

    std::uint64_t next_tag = 100;
};

TEST_F(lun_queue_cache_gone, is_flushed_for_what_was_written_to_it) {
    const std::vector<std::function<void()>> caches{
        [this] { look(true); }, [this] { look(true, false); }, [this] { doubt(); }};
    for (const auto& begins : caches) {
        begins();
        write(1);
        answer_good();
        look(false);
        EXPECT_TRUE(next_flush_is_sent());
        EXPECT_FALSE(next_flush_is_sent()) << "nothing is left of it";
        ended.clear();
    }
}

TEST_F(lun_queue_cache_gone, is_flushed_for_a_write_that_ended_after_it_was_gone) {
    look(true);
    write(1);
    look(false);
    answer_good();
    EXPECT_GT(shared.ledger()->now().unflushed, 0U);
    EXPECT_TRUE(next_flush_is_sent());
    EXPECT_FALSE(next_flush_is_sent());
}

TEST_F(lun_queue_cache_gone, is_flushed_for_a_write_during_which_it_came_and_went) {
    for (const bool by_doubt : {false, true}) {
        write(1);
        by_doubt ? doubt() : look(true);
        look(false);
        answer_good();
        EXPECT_TRUE(next_flush_is_sent());
        EXPECT_FALSE(next_flush_is_sent());
        ended.clear();
    }
}

// The write was under way when the cache came on; the unit says so to the command after it.
TEST_F(lun_queue_cache_gone, is_flushed_for_a_write_before_the_word_that_it_came) {
    write(1);
    answer_good();
    EXPECT_EQ(shared.ledger()->now().unflushed, 0U);
    doubt();
    EXPECT_EQ(shared.ledger()->now().unflushed, memory.size());
    look(false);
    EXPECT_TRUE(next_flush_is_sent());
    EXPECT_FALSE(next_flush_is_sent());
}

TEST_F(lun_queue_cache_gone, is_flushed_again_for_a_write_that_a_flush_does_not_cover) {
    look(true);
    write(1);
    flush(2);
    answer_good();
    look(false);
    answer_good();
    EXPECT_TRUE(next_flush_is_sent()) << "the write ended after that flush had begun";
    EXPECT_FALSE(next_flush_is_sent());
}

TEST_F(lun_queue_cache_gone, is_flushed_until_a_flush_has_succeeded) {
    look(true);
    write(1);
    answer_good();
    look(false);
    flush(2);
    answer_status(scsi::status::reservation_conflict);
    EXPECT_EQ(ended.at(2), EBADE);
    EXPECT_TRUE(next_flush_is_sent());
    EXPECT_FALSE(next_flush_is_sent());
}

TEST_F(lun_queue_cache_gone, is_flushed_by_a_forced_write_that_it_may_hold) {
    for (const auto* order : {"came and went", "went"}) {
        const bool was_there = std::string_view(order) == "went";
        look(was_there);
        write(1, true);
        look(true);
        look(false);
        answer_good();
        ASSERT_EQ(session.sent.size(), 1U) << order;
        EXPECT_EQ(session.sent[0].cdb, scsi::synchronize_cache_10());
        answer_good();
        EXPECT_EQ(ended.at(1), 0);
        EXPECT_EQ(shared.ledger()->now().unflushed, 0U);
        ended.clear();
    }
}

TEST_F(lun_queue_cache_gone, costs_nothing_where_all_was_flushed_or_only_read) {
    look(true);
    read(1);
    answer_good();
    write(2);
    answer_good();
    EXPECT_TRUE(next_flush_is_sent());
    look(false);
    read(3);
    answer_good();
    write(4);
    answer_good();
    EXPECT_FALSE(next_flush_is_sent());
    doubt();
    look(false);
    EXPECT_FALSE(next_flush_is_sent()) << "covered by a flush that was sent, or needed none";
}

// Each client of an export has a queue: what one has written another one flushes.
TEST_F(lun_queue_cache_gone, is_flushed_by_whoever_asks) {
    look(true);
    write(1);
    answer_good();
    shared.part(queue);
    look(false);
    shared.join(queue, unit(false));
    EXPECT_TRUE(next_flush_is_sent());
    write(2);
    answer_good();
    shared.part(queue);
    doubt(); // nobody is there to hear it
    look(false);
    shared.join(queue, unit(false));
    EXPECT_TRUE(next_flush_is_sent());
}

TEST_F(lun_queue_cache_gone, is_flushed_for_an_earlier_daemon) {
    shared.ledger()->inherit();
    EXPECT_TRUE(next_flush_is_sent());
    EXPECT_FALSE(next_flush_is_sent());
}

// SBC-3 §6.4.5: it has written its cache when that was switched off.
TEST_F(lun_queue_cache_gone, and_cannot_be_flushed_any_more_is_no_error) {
    look(true);
    write(1);
    answer_good();
    look(false);
    EXPECT_EQ(refused_flush(2), 0);
    EXPECT_EQ(session.submitted, 3U) << "both forms";
    EXPECT_EQ(refused_flush(3), 0);
    EXPECT_EQ(session.submitted, 3U);
}

} // namespace
} // namespace iscsid::lane
