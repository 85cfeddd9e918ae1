#pragma once

#include "tests/unit/iscsid/device/scripted_target.hpp"

#include "iscsid/device/scanner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the tests of scans share.
namespace iscsid::device::test {

inline const question ready = plain(scsi::operation_code::test_unit_ready);
inline const question list = plain(scsi::operation_code::report_luns);
inline const question capacity_16 = plain(scsi::operation_code::service_action_in_16);
inline const question capacity_10 = plain(scsi::operation_code::read_capacity_10);

inline const auto refused = sense(scsi::sense_key::illegal_request, 0x20, 0x00);
inline const auto attention = sense(scsi::sense_key::unit_attention, 0x29, 0x00);
inline const auto becoming_ready = sense(scsi::sense_key::not_ready, 0x04, 0x01);

inline scripted_target target_with_disk(std::uint64_t lun = 1) {
    scripted_target target;
    target.has_luns({lun});
    target.has_disk(lun);
    return target;
}

inline scsi::logical_unit only_disk(scripted_target& target) {
    const auto found = scan_of(target).value();
    EXPECT_EQ(found.disks.size(), 1U);
    return found.disks.empty() ? scsi::logical_unit{} : found.disks.front().properties;
}

// Why the only LUN is no usable disk, whose absence is told of.
inline std::string why_skipped(scripted_target& target) {
    const auto found = scan_of(target).value();
    EXPECT_TRUE(found.disks.empty());
    EXPECT_EQ(found.skipped.size(), 1U);
    EXPECT_EQ(warnings_of(found).size(), 1U);
    return found.skipped.empty() ? "" : found.skipped.front().why;
}

// Why the only LUN did not say what it is, so that it will be looked at again.
inline std::string why_unanswered(scripted_target& target) {
    const auto found = scan_of(target).value();
    EXPECT_TRUE(found.disks.empty());
    EXPECT_TRUE(found.skipped.empty());
    EXPECT_EQ(found.unanswered.size(), 1U);
    EXPECT_EQ(warnings_of(found).size(), 1U);
    return found.unanswered.empty() ? "" : found.unanswered.front().why;
}

} // namespace iscsid::device::test
