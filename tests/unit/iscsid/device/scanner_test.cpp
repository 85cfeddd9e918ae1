#include "tests/unit/iscsid/device/scan_fixture.hpp"

#include "iscsid/device/command_runner.hpp"

namespace iscsid::device {
namespace {

using namespace test;
using scsi::operation_code;
using scsi::sense_key;

TEST(scanner, learns_everything_of_a_disk) {
    auto target = target_with_disk();
    const auto disk = only_disk(target);
    EXPECT_EQ(disk.vendor, "IET");
    EXPECT_EQ(disk.product, "VIRTUAL-DISK");
    EXPECT_EQ(disk.revision, "0001");
    EXPECT_EQ(disk.serial, "beaf11");
    EXPECT_EQ(disk.wwid, "360000000000000000e00000000010001");
    EXPECT_EQ(disk.block_count, 0x400000U);
    EXPECT_EQ(disk.size(), 0x8000'0000U);
    EXPECT_EQ(disk.block_size, 512U);
    EXPECT_EQ(disk.physical_block_size, 4096U);
    EXPECT_EQ(disk.lowest_aligned_block, 1U);
    EXPECT_FALSE(disk.read_only);
    EXPECT_TRUE(disk.write_cache_enabled);
    EXPECT_TRUE(disk.dpofua);
    EXPECT_FALSE(disk.rotational);
    EXPECT_FALSE(disk.removable);
    EXPECT_EQ(disk.max_transfer_blocks, 0x4000U);
    EXPECT_EQ(disk.optimal_transfer_blocks, 0x2000U);
    EXPECT_EQ(disk.max_unmap_blocks, 0x10000U);
    EXPECT_EQ(disk.max_unmap_descriptors, 0x20U);
    EXPECT_EQ(disk.unmap_granularity, 0x10U);
    EXPECT_EQ(disk.unmap_alignment, 3U);
    EXPECT_EQ(disk.max_write_same_blocks, 0x20000U);
    EXPECT_TRUE(disk.write_same_non_zero);
    EXPECT_TRUE(disk.thin && disk.reads_zero_after_unmap && disk.can_unmap);
    EXPECT_TRUE(disk.can_write_same_16_unmap && disk.can_write_same_10_unmap);
}

TEST(scanner, skips_the_controller_of_tgtd) {
    scripted_target target;
    target.has_luns({0, 1});
    target.has_disk(1);
    target.answer(
        0,
        standard_inquiry(),
        {sends(
            bytes_of({0x0c, 0x00, 0x05, 0x02, 31, 0, 0, 0x02}) +
            text_bytes("IET     Controller      0001")
        )}
    );
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 1U);
    EXPECT_EQ(found.disks[0].number, 1U);
    ASSERT_EQ(found.skipped.size(), 1U);
    EXPECT_EQ(found.skipped[0].number, 0U);
    EXPECT_EQ(found.skipped[0].why, "storage array controller");
    EXPECT_TRUE(warnings_of(found).empty()) << "nobody misses it";
    EXPECT_EQ(target.times_asked(0, ready), 0U);
    EXPECT_EQ(found.no_list, "");
}

TEST(scanner, numbers_luns_as_linux_does) {
    scripted_target target;
    target.has_luns({255, 0x4100});
    target.has_disk(255);
    target.has_disk(0x4100);
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 2U);
    EXPECT_EQ(found.disks[1].number, 0x4100U);
    EXPECT_EQ(found.disks[1].lun[0], std::byte{0x41});
}

TEST(scanner, passes_over_well_known_luns) {
    scripted_target target;
    target.has_luns({0xc101, 1});
    target.has_disk(1);
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    EXPECT_TRUE(found.skipped.empty());
    EXPECT_EQ(target.times_asked(0xc101, standard_inquiry()), 0U);
}

TEST(scanner, an_empty_list_has_no_disks) {
    scripted_target target;
    target.has_luns({});
    const auto found = scan_of(target).value();
    EXPECT_TRUE(found.disks.empty());
    EXPECT_TRUE(found.skipped.empty());
    EXPECT_EQ(target.commands(), 1U);
}

TEST(scanner, asks_again_with_more_room_for_a_long_list) {
    scripted_target target;
    std::vector<std::uint64_t> numbers(600);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = 0x4000 + i;
    target.has_luns(numbers);
    target.has_disk(0x4000 + 599);
    const auto found = scan_of(target).value();
    EXPECT_EQ(target.times_asked(0, list), 2U);
    ASSERT_EQ(found.disks.size(), 1U);
    EXPECT_EQ(found.disks[0].number, 0x4000U + 599);
    EXPECT_EQ(found.skipped.size(), 599U);
}

TEST(scanner, a_list_that_always_claims_more_is_taken_as_it_is) {
    auto target = target_with_disk();
    target.answer(
        0,
        list,
        {sends(bytes_of({0xff, 0xff, 0xff, 0xf8, 0, 0, 0, 0}) + bytes_of({0, 1, 0, 0, 0, 0, 0, 0}))}
    );
    EXPECT_EQ(only_disk(target).block_size, 512U);
    EXPECT_LE(target.times_asked(0, list), 4U);
}

// ---- readiness ----------------------------------------------------------------------------------

TEST(scanner, swallows_unit_attentions) {
    auto target = target_with_disk();
    target.answer(1, ready, {attention, attention, attention, status(0)});
    EXPECT_EQ(only_disk(target).block_size, 512U);
    EXPECT_EQ(target.times_asked(1, ready), 4U);
}

TEST(scanner, swallows_unit_attentions_of_any_command) {
    auto target = target_with_disk();
    target.answer(0, list, {attention, sends(bytes_of({0, 0, 0, 8, 0, 0, 0, 0, 0, 1}) + zeros(6))});
    target.answer(1, mode_6(0x08), {attention, sends(bytes_of({3, 0, 0x80, 0}))});
    EXPECT_TRUE(only_disk(target).read_only);
}

TEST(scanner, gives_up_on_endless_unit_attentions) {
    auto target = target_with_disk();
    target.answer(1, ready, {attention});
    EXPECT_EQ(why_unanswered(target), "TEST UNIT READY: CHECK CONDITION, UNIT ATTENTION 29/00");
    EXPECT_EQ(target.times_asked(1, ready), 9U);
}

TEST(scanner, waits_until_a_disk_is_ready) {
    auto target = target_with_disk();
    target.answer(1, ready, {becoming_ready, status(0x08), becoming_ready, status(0)});
    EXPECT_EQ(only_disk(target).block_size, 512U);
    EXPECT_EQ(target.times_asked(1, ready), 4U);
}

TEST(scanner, does_not_wait_for_ever) {
    auto target = target_with_disk();
    target.answer(1, ready, {becoming_ready});
    EXPECT_EQ(why_unanswered(target), "TEST UNIT READY: CHECK CONDITION, NOT READY 04/01");
    EXPECT_LE(target.scan_time, scan_limits{}.per_unit);
}

TEST(scanner, is_patient_with_a_command_when_it_has_the_time) {
    auto target = target_with_disk();
    target.answer(1, ready, {becoming_ready});
    scan_limits limits;
    limits.per_unit = std::chrono::seconds(60);
    EXPECT_EQ(scan_of(target, limits).value().unanswered.size(), 1U);
    EXPECT_EQ(target.times_asked(1, ready), 21U);
}

// An array moves its LUNs between controllers, and does not call those that have no disk of it.
TEST(scanner, a_unit_that_is_not_ready_is_looked_at_again) {
    for (const auto& [code, qualifier] :
         {std::pair{0x04U, 0x0bU}, {0x04U, 0x0cU}, {0x04U, 0x12U}, {0x04U, 0x02U}, {0x3eU, 0U}}) {
        auto target = target_with_disk();
        target.answer(1, ready, {sense(sense_key::not_ready, code, qualifier)});
        EXPECT_THAT(why_unanswered(target), testing::HasSubstr("NOT READY"));
        EXPECT_EQ(target.times_asked(1, ready), 1U) << "and not waited for";
    }
}

TEST(scanner, reads_descriptor_sense_as_well) {
    auto standby = status(0x02);
    standby.sense_bytes = bytes_of({0x72, 0x02, 0x04, 0x0b, 0, 0, 0, 0});
    auto target = target_with_disk();
    target.answer(1, ready, {standby});
    EXPECT_EQ(why_unanswered(target), "TEST UNIT READY: CHECK CONDITION, NOT READY 04/0B");
}

TEST(scanner, skips_a_drive_without_medium_at_once) {
    auto target = target_with_disk();
    target.answer(1, ready, {sense(sense_key::not_ready, 0x3a, 0x00)});
    EXPECT_EQ(why_skipped(target), "TEST UNIT READY: CHECK CONDITION, NOT READY 3A/00");
    EXPECT_EQ(target.times_asked(1, ready), 1U);
}

// Only a disk that is not connected is missed by somebody.
TEST(scanner, skips_what_is_no_disk) {
    struct example {
        unsigned first_byte;
        const char* why;
        std::size_t warnings;
    };

    for (const auto& each : {
             example{0x05, "CD/DVD device", 0},
             example{0x14, "host managed zoned block device", 0},
             example{0x20, "no logical unit there (peripheral qualifier 1)", 1},
             example{0x3f, "no logical unit there (peripheral qualifier 1)", 0},
             example{0x7f, "no logical unit there (peripheral qualifier 3)", 0},
         }) {
        auto target = target_with_disk();
        target.answer(
            1, standard_inquiry(), {sends(bytes_of({each.first_byte, 0, 5, 2, 31}) + zeros(31))}
        );
        const auto found = scan_of(target).value();
        EXPECT_TRUE(found.disks.empty());
        ASSERT_EQ(found.skipped.size(), 1U);
        EXPECT_EQ(found.skipped[0].why, each.why);
        EXPECT_EQ(warnings_of(found).size(), each.warnings);
    }
}

TEST(scanner, warns_of_two_luns_with_one_name) {
    scan_result seen;
    for (const auto& [number, name] : std::vector<std::pair<std::uint64_t, std::string>>{
             {0, "36001"}, {1, "36002"}, {2, ""}, {3, "36001"}, {4, ""}}) {
        found_lun& each = seen.disks.emplace_back();
        each.number = number;
        each.properties.wwid = name;
    }
    const auto told = warnings_of(seen);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_THAT(told[0], testing::StartsWith("LUN 0 and LUN 3 have one name, 36001: "));
}

TEST(scanner, skips_a_lun_whose_inquiry_is_cut_off) {
    auto target = target_with_disk();
    target.answer(1, standard_inquiry(), {sends(zeros(4))});
    EXPECT_THAT(why_skipped(target), testing::HasSubstr("INQUIRY: too short"));
}

TEST(scanner, reads_capacity_10_where_16_is_refused) {
    auto target = target_with_disk();
    target.answer(1, capacity_16, {refused});
    target.answer(1, capacity_10, {sends(bytes_of({0, 0, 0xff, 0xff, 0, 0, 0x10, 0}))});
    const auto disk = only_disk(target);
    EXPECT_EQ(disk.block_count, 0x10000U);
    EXPECT_EQ(disk.block_size, 4096U);
    EXPECT_EQ(disk.physical_block_size, 4096U);
    EXPECT_FALSE(disk.thin);
}

TEST(scanner, reads_capacity_10_where_16_is_cut_off) {
    auto target = target_with_disk();
    target.answer(1, capacity_16, {sends(zeros(11))});
    target.answer(1, capacity_10, {sends(bytes_of({0, 0, 0xff, 0xff, 0, 0, 2, 0}))});
    EXPECT_EQ(only_disk(target).block_count, 0x10000U);
}

TEST(scanner, never_guesses_a_size) {
    auto target = target_with_disk();
    target.answer(1, capacity_16, {refused});
    EXPECT_EQ(why_skipped(target), "READ CAPACITY(10): CHECK CONDITION, ILLEGAL REQUEST 20/00");

    target.answer(1, capacity_10, {sends(bytes_of({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0}))});
    EXPECT_THAT(why_skipped(target), testing::HasSubstr("larger than READ CAPACITY(10) can say"));

    target.answer(1, capacity_10, {sends(zeros(7))});
    EXPECT_THAT(why_skipped(target), testing::HasSubstr("READ CAPACITY: too short"));
}

TEST(scanner, skips_block_sizes_that_nobody_can_use) {
    for (const auto& [high, low] : {std::pair{0U, 0U}, {1U, 0U}, {2U, 8U}, {0x20U, 0U}}) {
        auto target = target_with_disk();
        const auto size = bytes_of({0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, high, low});
        target.answer(1, capacity_16, {sends(size + zeros(20))});
        EXPECT_THAT(why_skipped(target), testing::StartsWith("block size"));
    }
}

TEST(scanner, takes_block_sizes_up_to_4096) {
    for (const unsigned high : {0x02U, 0x04U, 0x08U, 0x10U}) {
        auto target = target_with_disk();
        const auto size = bytes_of({0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, high, 0});
        target.answer(1, capacity_16, {sends(size + zeros(20))});
        EXPECT_EQ(only_disk(target).block_size, high << 8U);
    }
}

TEST(scanner, skips_disks_with_protection_information) {
    auto target = target_with_disk();
    const auto size = bytes_of({0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 2, 0, 0x01});
    target.answer(1, capacity_16, {sends(size + zeros(19))});
    EXPECT_EQ(why_skipped(target), "formatted with protection information");
}

TEST(scanner, skips_a_size_that_no_offset_reaches) {
    auto target = target_with_disk();
    const auto size = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0});
    target.answer(1, capacity_16, {sends(size + zeros(20))});
    target.answer(1, capacity_10, {sends(bytes_of({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0}))});
    EXPECT_EQ(
        why_skipped(target),
        "READ CAPACITY(16) last block: out of range, got 18446744073709551615, expected a size "
        "below 2^63 bytes"
    );
}

TEST(scanner, asks_only_for_pages_that_are_listed) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x00), {sends(bytes_of({0, 0, 0, 2, 0x00, 0x83}))});
    const auto disk = only_disk(target);
    EXPECT_EQ(target.times_asked(1, vpd(0x83)), 1U);
    for (const unsigned page : {0x80U, 0xb0U, 0xb1U, 0xb2U})
        EXPECT_EQ(target.times_asked(1, vpd(page)), 0U) << page;
    EXPECT_EQ(disk.serial, "");
    EXPECT_TRUE(disk.rotational);
    EXPECT_FALSE(disk.can_unmap);
}

// It would look like another one, or like one that cannot be told apart from others.
TEST(scanner, skips_a_unit_that_is_too_busy_to_say_who_it_is) {
    for (const unsigned page : {0x00U, 0x80U, 0x83U}) {
        auto target = target_with_disk();
        target.answer(1, vpd(page), {status(0x08)});
        EXPECT_THAT(why_unanswered(target), testing::HasSubstr("BUSY")) << page;
    }
}

// A disk must not turn writable, or thick, because its unit is busy.
TEST(scanner, skips_a_unit_that_is_too_busy_to_say_how_it_is) {
    for (const auto& question : {capacity_16, mode_6(0x08)}) {
        auto target = target_with_disk();
        target.answer(1, question, {status(0x08)});
        EXPECT_THAT(why_unanswered(target), testing::HasSubstr("BUSY"));
    }
}

// ---- INQUIRY's allocation length (SPC-2 had one byte) -------------------------------------------

bytes long_page(unsigned code, std::size_t size) {
    bytes page = bytes_of({0, code, unsigned(size >> 8U), unsigned(size & 0xffU)});
    return page + bytes(size, std::byte{'x'});
}

TEST(scanner, learns_the_names_of_a_target_that_reads_one_byte_of_the_length) {
    scripted_target target;
    target.has_luns({0, 1, 2});
    for (const std::uint64_t lun : {0U, 1U, 2U})
        target.has_disk(lun);
    target.reads_short_lengths();
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 3U);
    for (const auto& each : found.disks) {
        EXPECT_FALSE(each.properties.wwid.empty());
        EXPECT_EQ(each.properties.serial, "beaf11");
        EXPECT_EQ(each.properties.max_transfer_blocks, 0x4000U);
    }
}

TEST(scanner, asks_for_a_long_page_again_and_only_for_that) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x80), {sends(long_page(0x80, 300))});
    EXPECT_EQ(only_disk(target).serial, std::string(300, 'x'));
    EXPECT_EQ(target.times_asked(1, vpd(0x80)), 2U);
    EXPECT_EQ(target.times_asked(1, vpd(0x83)), 1U);
}

TEST(scanner, takes_what_came_of_a_page_whose_rest_is_refused) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x80), {sends(long_page(0x80, 300)), refused});
    EXPECT_EQ(only_disk(target).serial, std::string(248, 'x'));
    target.answer(1, vpd(0x80), {sends(long_page(0x80, 300)), sends(zeros(0))});
    EXPECT_EQ(only_disk(target).serial, std::string(248, 'x'));
}

TEST(scanner, does_not_ask_again_for_a_page_that_lies_about_its_length) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x80), {sends(bytes_of({0, 0x80, 0x40, 0}) + text_bytes("beaf11"))});
    EXPECT_EQ(only_disk(target).serial, "beaf11");
    EXPECT_EQ(target.times_asked(1, vpd(0x80)), 1U);
}

TEST(scanner, does_without_vital_product_data) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x00), {sense(sense_key::illegal_request, 0x24, 0x00)});
    EXPECT_EQ(only_disk(target).wwid, "");
}

TEST(scanner, does_not_believe_a_page_that_is_another_one) {
    auto target = target_with_disk();
    target.answer(1, vpd(0x83), {sends(bytes_of({0, 0x80, 0, 4}) + text_bytes("evil"))});
    target.answer(1, vpd(0xb0), {sends(bytes_of({0, 0xb0, 0xff, 0xff, 0, 0, 0, 8, 0, 0}))});
    const auto disk = only_disk(target);
    EXPECT_EQ(disk.wwid, "");
    EXPECT_EQ(disk.max_transfer_blocks, 0U);
}

TEST(scanner, asks_mode_sense_10_when_6_is_refused) {
    auto target = target_with_disk();
    target.answer(1, mode_6(0x08), {refused});
    target.answer(
        1, mode_10(0x08), {sends(bytes_of({0, 26, 0, 0x80, 0, 0, 0, 0, 8, 0x12, 0}) + zeros(17))}
    );
    const auto disk = only_disk(target);
    EXPECT_FALSE(disk.write_cache_enabled);
    EXPECT_TRUE(disk.read_only);
    EXPECT_EQ(target.times_asked(1, mode_10(0x3f)), 0U);
}

TEST(scanner, believes_in_a_write_cache_when_nobody_tells) {
    auto target = target_with_disk();
    EXPECT_TRUE(only_disk(target).write_cache_known);
    target.answer(1, mode_6(0x08), {refused});
    EXPECT_TRUE(only_disk(target).write_cache_enabled);
    EXPECT_FALSE(only_disk(target).write_cache_known);

    target.answer(1, mode_10(0x3f), {sends(bytes_of({0, 6, 0, 0x80, 0, 0, 0, 0}))});
    const auto disk = only_disk(target);
    EXPECT_TRUE(disk.write_cache_enabled);
    EXPECT_TRUE(disk.read_only);
}

TEST(scanner, one_bad_lun_does_not_spoil_the_rest) {
    scripted_target target;
    target.has_luns({1, 2, 3});
    target.has_disk(1);
    target.has_disk(2);
    target.has_disk(3);
    target.answer(2, standard_inquiry(), {ended(iscsi::task_result::aborted)});
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 2U);
    EXPECT_EQ(found.disks[0].number, 1U);
    EXPECT_EQ(found.disks[1].number, 3U);
    ASSERT_EQ(found.unanswered.size(), 1U);
    EXPECT_EQ(found.unanswered[0].why, "INQUIRY: no answer, aborted");
}

TEST(scanner, data_that_does_not_add_up_is_asked_for_again) {
    auto target = target_with_disk();
    auto short_data = sends(bytes_of({0x00, 0x00, 0x05, 0x02, 31}) + zeros(20));
    short_data.done.outcome = iscsi::task_result::short_data;
    target.answer(1, standard_inquiry(), {short_data});
    EXPECT_EQ(why_unanswered(target), "INQUIRY: data and residual count do not add up");
    EXPECT_EQ(target.times_asked(1, standard_inquiry()), 2U);
}

TEST(scanner, data_that_is_whole_by_its_own_length_needs_no_residual) {
    scripted_target target;
    target.has_luns({1, 2});
    target.has_disk(1);
    target.has_disk(2);
    target.answer(2, mode_6(0x08), {refused});
    target.answer(
        2, mode_10(0x08), {sends(bytes_of({0, 26, 0, 0x80, 0, 0, 0, 0, 8, 0x12, 0}) + zeros(17))}
    );
    auto cut = bytes_of({0x00, 0x00, 0x05, 0x02, 11, 0, 0, 0x02}) + text_bytes("SHORT   ");
    target.answer(2, standard_inquiry(), {sends(cut)});
    target.forgets_residuals();
    const auto found = scan_of(target).value();
    ASSERT_EQ(found.disks.size(), 2U);
    EXPECT_EQ(found.disks[0].properties.wwid, "360000000000000000e00000000010001");
    EXPECT_EQ(found.disks[1].properties.vendor, "SHORT");
    EXPECT_TRUE(found.disks[1].properties.read_only);
    EXPECT_FALSE(found.disks[1].properties.write_cache_enabled);
}

TEST(scanner, a_lost_session_is_a_fault_wherever_it_happens) {
    auto complete = target_with_disk();
    ASSERT_TRUE(scan_of(complete));
    for (std::size_t commands = 0; commands < complete.commands(); ++commands) {
        auto target = target_with_disk();
        target.loses_session_after(commands);
        const auto found = scan_of(target);
        ASSERT_FALSE(found) << commands;
        EXPECT_EQ(found.error().field, "session");
    }
}

TEST(scanner, a_lost_task_is_a_lost_session) {
    auto target = target_with_disk();
    target.answer(1, ready, {ended(iscsi::task_result::lost)});
    const auto found = scan_of(target);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, iscsi::to_error_code(scan_errc::session_lost));
    EXPECT_EQ(found.error().text(), "scan: session lost");
}

TEST(scanner, a_unit_that_is_given_up_is_one_without_an_answer) {
    auto target = target_with_disk();
    auto given_up = ended(iscsi::task_result::lost);
    given_up.done.why_lost = iscsi::loss_reason::unit_given_up;
    target.answer(1, ready, {given_up});
    EXPECT_THAT(why_unanswered(target), testing::HasSubstr("the unit is given up"));
}

TEST(retry_budget, pauses_double_up_to_the_longest) {
    using std::chrono::milliseconds;
    retry_budget budget(
        {.first_pause = milliseconds(100), .longest_pause = milliseconds(250), .pauses = 3}
    );
    const scsi::disposition busy{.what = scsi::verdict::retry_after_delay};
    EXPECT_EQ(budget.pause_before_retry(busy), milliseconds(100));
    EXPECT_EQ(budget.pause_before_retry(busy), milliseconds(200));
    EXPECT_EQ(budget.pause_before_retry(busy), milliseconds(250));
    EXPECT_EQ(budget.pause_before_retry(busy), std::nullopt);
}

TEST(retry_budget, immediate_retries_are_those_of_the_disposition) {
    retry_budget budget{patience{}};
    const scsi::disposition twice{.what = scsi::verdict::retry_limited, .retries = 2};
    EXPECT_EQ(budget.pause_before_retry(twice), std::chrono::milliseconds(0));
    EXPECT_EQ(budget.pause_before_retry(twice), std::chrono::milliseconds(0));
    EXPECT_EQ(budget.pause_before_retry(twice), std::nullopt);
    EXPECT_EQ(budget.pause_before_retry({.what = scsi::verdict::fail}), std::nullopt);
}

} // namespace
} // namespace iscsid::device
