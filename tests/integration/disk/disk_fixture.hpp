#pragma once

#include "tests/integration/disk/memory_lane.hpp"

#include "iscsid/disk/fuse_driver.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace test {

// Runs a command of the shell; what it prints is in the failure message.
struct command_end {
    int status = -1;
    std::string output;
};

command_end run(const std::string& command);

// The files and devices below a folder that the kernel still knows: mounts and loop devices.
std::vector<std::string> left_behind(const std::string& folder);

// A thick LUN in memory of so many MiB.
scsi::logical_unit unit_of(std::size_t mebibytes, std::uint32_t block_size = 512);
scsi::logical_unit thin(scsi::logical_unit unit);

// Disks of the fuse driver in a folder of their own. Skips without root, FUSE and loop devices;
// fails when a mount or a loop device is left behind.
class fuse_disks : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    // Attaches; the LUN is lun(number) from then on.
    iscsi::result<std::unique_ptr<iscsid::disk::disk>>
    try_attach(const scsi::logical_unit& unit, std::uint8_t number = 0);
    std::unique_ptr<iscsid::disk::disk>
    attach(const scsi::logical_unit& unit, std::uint8_t number = 0);

    memory_lun& lun(std::uint8_t number = 0) { return *luns_.at(number); }

    const std::string& folder() const { return folder_; }

    iscsid::disk::helper& waiter() { return *waiter_; }

    // Of a helper of its own, for a process that does not share this one.
    static std::unique_ptr<iscsid::disk::helper> start_helper();

    std::unique_ptr<memory_lane> lane_;

  private:
    std::unique_ptr<iscsid::disk::helper> waiter_;
    std::string folder_;
    std::map<std::uint8_t, std::unique_ptr<memory_lun>> luns_;
    std::unique_ptr<iscsid::disk::driver> driver_;
};

std::string path_of(const iscsid::disk::disk& disk); // "/dev/loop3"

} // namespace test
