#include "iscsid/device/registry.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace iscsid::device;

scsi::logical_unit unit_of(const char* wwid, const char* serial) {
    scsi::logical_unit unit;
    unit.vendor = "MAKER";
    unit.product = "DISK";
    unit.revision = "1";
    unit.wwid = wwid;
    unit.serial = serial;
    unit.block_count = 1000;
    return unit;
}

struct unit_case {
    const char* words;
    scsi::logical_unit recorded;
    scsi::logical_unit now;
    const char* field; // nullptr: the same
    const char* got = "";
    const char* expected = "";
};

template <class Change>
scsi::logical_unit changed(scsi::logical_unit unit, Change change) {
    change(unit);
    return unit;
}

std::vector<unit_case> unit_cases() {
    using unit = scsi::logical_unit;
    const auto named = unit_of("3600", "S1");
    const auto numbered = unit_of("", "S1");
    const auto bare = unit_of("", "");
    const auto other_vendor = [](unit& of) { of.vendor = "OTHER"; };
    const auto other_product = [](unit& of) { of.product = "TAPE"; };
    const auto other_block = [](unit& of) { of.block_size = 4096; };
    const auto shrink = [](unit& of) { of.block_count = 999; };
    const auto grow = [](unit& of) { of.block_count = 1001; };
    const auto rename = [](unit& of) {
        of.vendor = of.product = of.revision = of.serial = "other";
    };
    const auto behave = [](unit& of) {
        of.revision = "2";
        of.read_only = of.thin = of.can_unmap = true;
        of.physical_block_size = 4096;
        of.max_transfer_blocks = 8;
    };
    const auto all = [=](unit& of) {
        rename(of);
        other_block(of);
        shrink(of);
    };
    return {
        {"the WWID", named, named, nullptr},
        {"the WWID alone", named, changed(named, rename), nullptr},
        {"another WWID", named, unit_of("3601", "S1"), "wwid", "3601", "3600"},
        {"a WWID that is not told any more", named, numbered, nullptr},
        {"a WWID that is not told any more, another serial number",
         named,
         unit_of("", "S2"),
         "serial",
         "S2",
         "S1"},
        {"a WWID that is not told any more, other vendor",
         named,
         changed(numbered, other_vendor),
         "vendor",
         "OTHER",
         "MAKER"},
        {"no name any more", named, bare, nullptr},
        {"no name any more, other product",
         named,
         changed(bare, other_product),
         "product",
         "TAPE",
         "DISK"},
        {"no name any more, fewer blocks",
         named,
         changed(bare, shrink),
         "block_count",
         "999",
         "at least 1000"},
        {"a serial number instead of a WWID",
         unit_of("3600", ""),
         numbered,
         "serial",
         "S1",
         "none"},
        {"a WWID instead of a serial number",
         numbered,
         unit_of("3600", ""),
         "wwid",
         "3600",
         "none"},
        {"a WWID that is new", numbered, named, nullptr},
        {"a WWID where there was no name", bare, named, "wwid", "3600", "none"},
        {"the serial number", numbered, numbered, nullptr},
        {"another serial number", numbered, unit_of("", "S2"), "serial", "S2", "S1"},
        {"a serial number that is not told any more", numbered, bare, nullptr},
        {"a serial number that is new", bare, numbered, "serial", "S1", "none"},
        {"serial number, other vendor",
         numbered,
         changed(numbered, other_vendor),
         "vendor",
         "OTHER",
         "MAKER"},
        {"serial number, other product",
         numbered,
         changed(numbered, other_product),
         "product",
         "TAPE",
         "DISK"},
        {"vendor and product", bare, bare, nullptr},
        {"another vendor", bare, changed(bare, other_vendor), "vendor", "OTHER", "MAKER"},
        {"another product", bare, changed(bare, other_product), "product", "TAPE", "DISK"},
        {"other behaviour", bare, changed(bare, behave), nullptr},
        {"another block size", named, changed(named, other_block), "block_size", "4096", "512"},
        {"another block size, no name",
         bare,
         changed(bare, other_block),
         "block_size",
         "4096",
         "512"},
        {"fewer blocks", named, changed(named, shrink), "block_count", "999", "at least 1000"},
        {"fewer blocks, no name",
         bare,
         changed(bare, shrink),
         "block_count",
         "999",
         "at least 1000"},
        {"more blocks", named, changed(named, grow), nullptr},
        {"more blocks, no name", bare, changed(bare, grow), nullptr},
        {"all differs: the name first", numbered, changed(numbered, all), "serial", "other", "S1"},
        {"size differs: the block first", named, changed(named, all), "block_size", "4096", "512"},
        {"nothing known at all", {}, {}, nullptr},
    };
}

TEST(same_unit, compares_name_and_size) {
    for (const auto& row : unit_cases()) {
        const auto same = same_unit(row.recorded, row.now);
        ASSERT_EQ(same.has_value(), row.field == nullptr) << row.words;
        if (same.has_value())
            continue;
        EXPECT_EQ(same.error().code, iscsi::to_error_code(registry_errc::other_unit)) << row.words;
        EXPECT_EQ(same.error().field, row.field) << row.words;
        EXPECT_EQ(same.error().got, row.got) << row.words;
        EXPECT_EQ(same.error().expected, row.expected) << row.words;
    }
}

} // namespace
