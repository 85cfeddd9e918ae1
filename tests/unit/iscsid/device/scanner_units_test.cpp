#include "tests/unit/iscsid/device/scan_fixture.hpp"

// What a scan makes of several units, of guesses, and of units that change while it looks.
namespace iscsid::device {
namespace {

using namespace test;
using scsi::sense_key;

// ---- without a list -----------------------------------------------------------------------------

void has_no_unit(scripted_target& target, std::uint64_t lun) {
    target.answer(lun, standard_inquiry(), {sends(bytes_of({0x7f, 0, 5, 2, 31}) + zeros(31))});
}

TEST(scanner_units, asks_eight_luns_when_the_list_is_refused) {
    scripted_target target;
    for (std::uint64_t lun = 0; lun < 20; ++lun)
        has_no_unit(target, lun);
    for (const std::uint64_t lun : {0U, 3U, 7U, 8U})
        target.has_disk(lun);
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 3U);
    EXPECT_EQ(found.disks[0].number, 0U);
    EXPECT_EQ(found.disks[1].number, 3U);
    EXPECT_EQ(found.disks[2].number, 7U);
    EXPECT_TRUE(found.skipped.empty()) << "nobody has said that the others are there";
    EXPECT_EQ(found.no_list, "REPORT LUNS: CHECK CONDITION, ILLEGAL REQUEST 20/00");
    EXPECT_EQ(warnings_of(found).size(), 1U);
}

TEST(scanner_units, guesses_are_no_news_whatever_comes_of_them) {
    for (const auto& answer :
         {sense(sense_key::illegal_request, 0x25, 0x00), status(0x08), refused, attention}) {
        scripted_target target;
        target.has_disk(0);
        for (std::uint64_t lun = 1; lun < 8; ++lun)
            target.answer(lun, standard_inquiry(), {answer});
        const auto found = scan_of(target).value();
        EXPECT_EQ(found.disks.size(), 1U);
        EXPECT_TRUE(found.skipped.empty());
        EXPECT_TRUE(found.unanswered.empty());
    }
}

TEST(scanner_units, a_target_that_is_silent_to_guesses_costs_one_limit) {
    scripted_target target;
    target.has_disk(0);
    for (std::uint64_t lun = 1; lun < 8; ++lun)
        target.is_silent(lun);
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    EXPECT_TRUE(found.unanswered.empty());
    EXPECT_LE(target.scan_time, scan_limits{}.per_unit);
}

// What lun 0 is not guessed: a target has answered it.
TEST(scanner_units, a_lun_0_that_cannot_say_is_looked_at_again) {
    scripted_target target;
    target.answer(0, standard_inquiry(), {status(0x08)});
    EXPECT_EQ(scan_of(target).value().unanswered.size(), 1U);
}

TEST(scanner_units, a_target_that_looks_at_no_lun_has_one_disk) {
    scripted_target target;
    for (std::uint64_t lun = 0; lun < 8; ++lun) {
        target.has_disk(lun);
        target.answer(lun, vpd(0x83), {sends(zeros(0))});
    }
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    EXPECT_EQ(found.skipped.size(), 7U);
}

TEST(scanner_units, falls_back_when_the_list_has_no_header) {
    scripted_target target;
    target.has_disk(0);
    target.answer(0, list, {sends(zeros(3))});
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    EXPECT_THAT(found.no_list, testing::HasSubstr("too short"));
}

TEST(scanner_units, falls_back_when_the_list_does_not_come) {
    scripted_target target;
    target.has_disk(0);
    target.has_disk(1);
    target.is_silent(0, list);
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 2U);
    EXPECT_EQ(found.no_list, "REPORT LUNS: no answer within 10 s");
}

// Whoever has asked for the scan must hear that it has found nothing because nobody was there.
TEST(scanner_units, knows_a_silent_target_from_one_with_a_silent_unit) {
    scripted_target silent;
    for (std::uint64_t lun = 0; lun < 8; ++lun)
        silent.is_silent(lun);
    const auto nothing = scan_of(silent).value();
    EXPECT_TRUE(nothing.is_silent);
    EXPECT_EQ(nothing.no_list, "REPORT LUNS: no answer within 10 s");

    scripted_target one_answers;
    one_answers.is_silent(0);
    one_answers.has_disk(3);
    EXPECT_FALSE(scan_of(one_answers).value().is_silent);

    scripted_target lists;
    lists.has_luns({1});
    lists.is_silent(1);
    EXPECT_FALSE(scan_of(lists).value().is_silent);

    scripted_target refuses;
    refuses.is_silent(0, standard_inquiry());
    EXPECT_FALSE(scan_of(refuses).value().is_silent) << "it has refused the list";
}

// ---- changes during a look ----------------------------------------------------------------------

// Whatever was read before the unit said so may be old.
TEST(scanner_units, looks_again_at_a_unit_that_changes_meanwhile) {
    auto target = target_with_disk();
    target.answer(
        1,
        mode_6(0x08),
        {sense(sense_key::unit_attention, 0x2a, 0x09), sends(bytes_of({3, 0, 0, 0}))}
    );
    const auto grown = bytes_of({0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0, 0, 2, 0}) + zeros(20);
    const auto small = bytes_of({0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0, 0, 2, 0}) + zeros(20);
    target.answer(1, capacity_16, {sends(small), sends(grown)});
    EXPECT_EQ(only_disk(target).block_count, 0x80'0000U);
}

TEST(scanner_units, leaves_a_unit_alone_that_never_stops_to_change) {
    auto target = target_with_disk();
    std::deque<lane::scsi_outcome> restless;
    for (int i = 0; i < 20; ++i) {
        restless.push_back(sense(sense_key::unit_attention, 0x2a, 0x01));
        restless.push_back(sends(bytes_of({3, 0, 0, 0})));
    }
    target.answer(1, mode_6(0x08), restless);
    EXPECT_EQ(why_unanswered(target), "it changes while it is looked at");
    EXPECT_EQ(target.times_asked(1, ready), 4U);
}

// Between its start and its end the mode page may have changed, after it never.
TEST(scanner_units, says_when_it_has_looked) {
    auto target = target_with_disk();
    target.answer(1, ready, {becoming_ready, status(0)});
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 1U);
    const virtual_clock clock;
    EXPECT_EQ(found.disks[0].looked_at - clock.now(), std::chrono::milliseconds(100));
}

// ---- several units ------------------------------------------------------------------------------

scripted_target target_with_disks(std::uint64_t count) {
    scripted_target target;
    std::vector<std::uint64_t> numbers(count);
    for (std::uint64_t lun = 0; lun < count; ++lun) {
        numbers[lun] = lun;
        target.has_disk(lun);
    }
    target.has_luns(numbers);
    return target;
}

TEST(scanner_units, looks_at_255_slow_luns_side_by_side) {
    auto target = target_with_disks(255);
    for (std::uint64_t lun = 0; lun < 255; ++lun)
        target.takes(lun, std::chrono::milliseconds(25));
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 255U);
    for (std::uint64_t lun = 0; lun < 255; ++lun)
        EXPECT_EQ(found.disks[lun].number, lun) << "in the order of the list";
    EXPECT_EQ(target.most_under_way(), scan_limits{}.at_a_time);
    EXPECT_FALSE(target.was_crowded()) << "one command of a unit at a time";
    EXPECT_LT(target.scan_time, std::chrono::seconds(4)) << "one after the other: over a minute";
}

TEST(scanner_units, units_that_are_silent_cost_one_limit) {
    for (const std::size_t silent : {1U, 4U, 20U}) {
        auto target = target_with_disks(30);
        for (std::uint64_t lun = 0; lun < silent; ++lun)
            target.is_silent(lun == 0 ? 29 : lun); // not LUN 0, which has the list
        const auto found = scan_of(target).value();
        EXPECT_EQ(found.disks.size(), 30 - silent);
        ASSERT_EQ(found.unanswered.size(), silent);
        EXPECT_EQ(found.unanswered[0].why, "INQUIRY: no answer within 10 s");
        EXPECT_EQ(warnings_of(found).size(), silent);
        EXPECT_EQ(target.scan_time, scan_limits{}.per_unit);
    }
}

TEST(scanner_units, a_unit_that_falls_silent_in_any_step_costs_one_limit) {
    for (const auto& step : {ready, vpd(0x00), vpd(0x83), vpd(0xb0), capacity_16, mode_6(0x08)}) {
        auto target = target_with_disks(6);
        target.is_silent(2, step);
        const auto found = scan_of(target).value();
        EXPECT_EQ(found.disks.size(), 5U);
        ASSERT_EQ(found.unanswered.size(), 1U);
        EXPECT_EQ(found.unanswered[0].number, 2U);
        EXPECT_EQ(target.scan_time, scan_limits{}.per_unit);
    }
}

TEST(scanner_units, offline_units_do_not_hold_the_others) {
    auto target = target_with_disks(6);
    for (const std::uint64_t lun : {1U, 2U, 3U, 4U})
        target.answer(lun, ready, {status(0x08)});
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 2U);
    ASSERT_EQ(found.unanswered.size(), 4U);
    EXPECT_EQ(found.unanswered[0].why, "TEST UNIT READY: BUSY");
    EXPECT_LE(target.scan_time, scan_limits{}.per_unit);
}

TEST(scanner_units, ends_in_time_though_no_unit_answers) {
    auto target = target_with_disks(255);
    for (std::uint64_t lun = 1; lun < 255; ++lun)
        target.is_silent(lun);
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    EXPECT_EQ(found.unanswered.size(), 254U) << "those too that were not asked any more";
    EXPECT_LE(target.scan_time, scan_limits{}.whole);
}

TEST(scanner_units, looks_at_one_at_a_time_if_it_must) {
    auto target = target_with_disks(5);
    for (std::uint64_t lun = 0; lun < 5; ++lun)
        target.takes(lun, std::chrono::milliseconds(25));
    scan_limits limits;
    limits.at_a_time = 1;
    EXPECT_EQ(scan_of(target, limits).value().disks.size(), 5U);
    EXPECT_EQ(target.most_under_way(), 1U);
}

TEST(scanner_units, a_session_that_is_lost_among_many_units_is_one_fault) {
    for (std::size_t commands = 1; commands < 300; commands += 13) {
        auto target = target_with_disks(40);
        for (std::uint64_t lun = 0; lun < 40; ++lun)
            target.takes(lun, std::chrono::milliseconds(1 + lun % 3));
        target.loses_session_after(commands);
        EXPECT_FALSE(scan_of(target)) << commands;
    }
}

} // namespace
} // namespace iscsid::device
