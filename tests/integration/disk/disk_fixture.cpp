#include "tests/integration/disk/disk_fixture.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace test {

namespace fs = std::filesystem;
using namespace iscsid;

command_end run(const std::string& command) {
    command_end end;
    FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "re");
    if (pipe == nullptr)
        return end;
    std::array<char, 4096> part{};
    while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe))
        end.output.append(part.data(), count);
    const int status = ::pclose(pipe);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return end;
}

std::vector<std::string> left_behind(const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& each : disk::mounts_below(folder))
        found.push_back(each.path);
    for (const auto& entry : fs::directory_iterator("/sys/block")) {
        const std::string node = entry.path().filename();
        if (disk::backing_file_of(node).starts_with(folder))
            found.push_back(node);
    }
    return found;
}

scsi::logical_unit unit_of(std::size_t mebibytes, std::uint32_t block_size) {
    scsi::logical_unit unit;
    unit.block_size = block_size;
    unit.physical_block_size = block_size;
    unit.block_count = (mebibytes << 20U) / block_size;
    return unit;
}

scsi::logical_unit thin(scsi::logical_unit unit) {
    unit.thin = true;
    unit.reads_zero_after_unmap = true;
    unit.can_write_same_16_unmap = true;
    unit.unmap_granularity = 65536 / unit.block_size;
    return unit;
}

void fuse_disks::SetUp() {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: mounts and loop devices";
    waiter_ = start_helper();
    ASSERT_NE(waiter_, nullptr);
    if (const auto here = disk::fuse_is_here(*waiter_); !here)
        GTEST_SKIP() << here.error().text();
    folder_ = "/tmp/iscsid-disk-test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    lane_ = std::make_unique<memory_lane>();
    driver_ = disk::make_fuse_driver(*waiter_, folder_);
}

std::unique_ptr<disk::helper> fuse_disks::start_helper() {
    auto started = disk::helper::start(ISCSID_DISK_HELPER);
    EXPECT_TRUE(started) << started.error().text();
    return started ? std::move(*started) : nullptr;
}

void fuse_disks::TearDown() {
    lane_.reset();
    if (folder_.empty())
        return;
    EXPECT_EQ(left_behind(folder_), std::vector<std::string>());
    EXPECT_TRUE(!fs::exists(folder_ + "/disks") || fs::is_empty(folder_ + "/disks"));
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

iscsi::result<std::unique_ptr<disk::disk>>
fuse_disks::try_attach(const scsi::logical_unit& unit, std::uint8_t number) {
    auto& lun = luns_[number];
    if (!lun)
        lun = std::make_unique<memory_lun>(unit.size());
    disk::disk_request request;
    request.session = 1;
    request.lun[1] = std::byte{number};
    request.lun_number = number;
    request.target_name = "iqn.2026-11.org.example:memory";
    request.properties = unit;
    lane_->put(request.lun, *lun);
    return driver_->attach(*lane_, request);
}

std::unique_ptr<disk::disk>
fuse_disks::attach(const scsi::logical_unit& unit, std::uint8_t number) {
    auto disk = try_attach(unit, number);
    EXPECT_TRUE(disk) << disk.error().text();
    return disk ? std::move(*disk) : nullptr;
}

std::string path_of(const disk::disk& disk) {
    return "/dev/" + disk.node();
}

} // namespace test
