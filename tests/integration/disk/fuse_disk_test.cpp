#include "tests/integration/disk/disk_fixture.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>

namespace {

namespace os = iscsid::os;
using namespace iscsid::disk;
using namespace test;

class fuse_disk : public fuse_disks {};

std::string fio(const std::string& path, const std::string& options) {
    return "fio --name=t --direct=1 --verify_state_save=0 --filename=" + path + " " + options;
}

bool is_code(const iscsi::result<void>& result, disk_errc code) {
    return !result && result.error().code == iscsi::to_error_code(code);
}

void expect_success(const std::string& command) {
    const auto end = run(command);
    EXPECT_EQ(end.status, 0) << command << "\n" << end.output;
}

std::string output_of(const std::string& command) {
    std::string output = run(command).output;
    while (!output.empty() && output.back() == '\n')
        output.pop_back();
    return output;
}

bool all_are(iscsi::bytes_view bytes, std::byte value) {
    return std::ranges::all_of(bytes, [value](std::byte each) { return each == value; });
}

TEST_F(fuse_disk, carries_a_filesystem_that_is_there_after_a_second_attach) {
    const auto unit = unit_of(64);
    const std::string mount_point = folder() + "/mnt";
    std::filesystem::create_directory(mount_point);
    auto disk = attach(unit);
    ASSERT_TRUE(disk);
    expect_success("mkfs.ext4 -q " + path_of(*disk));
    expect_success("mount " + path_of(*disk) + " " + mount_point);
    expect_success("head -c 20M /dev/urandom > " + mount_point + "/file");
    const std::string sum = output_of("sha256sum < " + mount_point + "/file");
    expect_success("umount " + mount_point);
    ASSERT_TRUE(disk->remove());
    EXPECT_GT(lun().flushes, 0U);

    disk = attach(unit);
    ASSERT_TRUE(disk);
    expect_success("e2fsck -fn " + path_of(*disk));
    expect_success("mount -o ro " + path_of(*disk) + " " + mount_point);
    EXPECT_EQ(output_of("sha256sum < " + mount_point + "/file"), sum);
    expect_success("umount " + mount_point);
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, is_as_large_as_the_lun_and_does_direct_io) {
    auto disk = attach(unit_of(33));
    ASSERT_TRUE(disk);
    EXPECT_EQ(output_of("blockdev --getsize64 " + path_of(*disk)), std::to_string(33U << 20U));
    EXPECT_EQ(output_of("cat /sys/block/" + disk->node() + "/loop/dio"), "1");
    EXPECT_TRUE(disk->remove());
    EXPECT_TRUE(disk->remove()); // a second time changes nothing
}

TEST_F(fuse_disk, keeps_what_many_parallel_writers_write) {
    auto disk = attach(unit_of(64));
    ASSERT_TRUE(disk);
    expect_success(
        fio(path_of(*disk),
            "--ioengine=libaio --rw=randwrite --bsrange=512-1M --bs_unaligned=0 --iodepth=64 "
            "--verify=crc32c --verify_fatal=1 --randrepeat=0 --size=64M")
    );
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, works_on_the_ring_without_io_uring) {
    lane_ = std::make_unique<memory_lane>(true);
    ASSERT_EQ(lane_->ring_name(), "epoll");
    auto disk = attach(unit_of(64));
    ASSERT_TRUE(disk);
    expect_success(
        fio(path_of(*disk),
            "--ioengine=libaio --rw=randwrite --bs=4k --iodepth=32 --verify=crc32c "
            "--verify_fatal=1 --size=32M")
    );
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, has_blocks_of_4096_bytes_when_the_lun_has) {
    auto disk = attach(unit_of(64, 4096));
    ASSERT_TRUE(disk);
    EXPECT_EQ(output_of("blockdev --getss " + path_of(*disk)), "4096");
    EXPECT_NE(
        run("dd if=/dev/zero of=" + path_of(*disk) + " bs=512 count=1 oflag=direct").status, 0
    );
    expect_success(
        fio(path_of(*disk),
            "--ioengine=libaio --rw=randwrite --bsrange=4k-1M --iodepth=16 --verify=crc32c "
            "--verify_fatal=1 --size=64M")
    );
    EXPECT_TRUE(disk->remove());
}

// Memory in pieces of 512 to 3584 bytes, each in a page of its own.
class scattered_memory {
  public:
    explicit scattered_memory(std::size_t count)
        : memory_(static_cast<std::byte*>(std::aligned_alloc(page, page * count)), std::free) {
        for (std::size_t i = 0; i < count; ++i)
            pieces_.push_back({memory_.get() + i * page + 512, 512 * (i % 7 + 1)});
    }

    std::span<const iovec> pieces() const { return pieces_; }

    std::size_t size() const {
        std::size_t sum = 0;
        for (const iovec& piece : pieces_)
            sum += piece.iov_len;
        return sum;
    }

    void fill(std::byte first) {
        for (std::size_t i = 0; i < pieces_.size(); ++i)
            std::ranges::fill(
                bytes_of(i), static_cast<std::byte>(std::to_integer<std::size_t>(first) + i)
            );
    }

    iscsi::mutable_bytes bytes_of(std::size_t piece) {
        return {static_cast<std::byte*>(pieces_[piece].iov_base), pieces_[piece].iov_len};
    }

  private:
    static constexpr std::size_t page = 4096;
    std::unique_ptr<std::byte, void (*)(void*)> memory_;
    std::vector<iovec> pieces_;
};

// FUSE cuts long requests; the parts must be whole blocks, however small the pieces are.
TEST_F(fuse_disk, takes_large_requests_from_scattered_memory) {
    auto disk = attach(unit_of(8, 4096));
    ASSERT_TRUE(disk);
    scattered_memory memory(896); // 1.75 MiB, a multiple of the block
    ASSERT_EQ(memory.size() % 4096, 0U);
    const auto count = static_cast<int>(memory.pieces().size());
    const os::descriptor device(::open(path_of(*disk).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
    ASSERT_TRUE(device);
    memory.fill(std::byte{1});
    const auto size = static_cast<ssize_t>(memory.size());
    ASSERT_EQ(::pwritev(device.number(), memory.pieces().data(), count, 4096), size);
    auto written = lun().content().subspan(4096);
    for (std::size_t i = 0; i < memory.pieces().size(); ++i) {
        EXPECT_TRUE(std::ranges::equal(memory.bytes_of(i), written.first(memory.bytes_of(i).size()))
        );
        written = written.subspan(memory.bytes_of(i).size());
    }
    memory.fill(std::byte{77});
    ASSERT_EQ(::preadv(device.number(), memory.pieces().data(), count, 4096), size);
    for (std::size_t i = 0; i < memory.pieces().size(); ++i)
        EXPECT_TRUE(all_are(memory.bytes_of(i), static_cast<std::byte>(i + 1))) << i;
}

TEST_F(fuse_disk, cannot_be_written_when_the_lun_is_read_only) {
    auto unit = unit_of(16);
    unit.read_only = true;
    auto disk = attach(unit);
    ASSERT_TRUE(disk);
    lun().fill(std::byte{'x'});
    EXPECT_EQ(output_of("blockdev --getro " + path_of(*disk)), "1");
    EXPECT_NE(
        run("dd if=/dev/zero of=" + path_of(*disk) + " bs=4k count=1 oflag=direct").status, 0
    );
    EXPECT_EQ(output_of("head -c 6 " + path_of(*disk) + " | tail -c 1"), "x");
    EXPECT_TRUE(disk->remove());
    EXPECT_EQ(lun().writes, 0U);
}

TEST_F(fuse_disk, discards_leave_zeroes_on_a_thin_lun) {
    auto disk = attach(thin(unit_of(16)));
    ASSERT_TRUE(disk);
    lun().fill(std::byte{0xee});
    EXPECT_EQ(output_of("cat /sys/block/" + disk->node() + "/queue/discard_granularity"), "65536");
    expect_success("blkdiscard -o 1M -l 2M " + path_of(*disk));
    EXPECT_EQ(lun().zeroed, 1U);
    EXPECT_TRUE(all_are(lun().content().subspan(1U << 20U, 2U << 20U), std::byte{0}));
    EXPECT_TRUE(all_are(lun().content().first(1U << 20U), std::byte{0xee}));
    EXPECT_TRUE(all_are(lun().content().subspan(3U << 20U), std::byte{0xee}));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, refuses_discards_of_a_thick_lun_but_zeroes_it) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    lun().fill(std::byte{0xee});
    run("blkdiscard " + path_of(*disk)); // the kernel only learns from it that there is no discard
    EXPECT_NE(run("blkdiscard " + path_of(*disk)).status, 0);
    EXPECT_TRUE(all_are(lun().content(), std::byte{0xee}));
    EXPECT_EQ(output_of("cat /sys/block/" + disk->node() + "/queue/discard_max_bytes"), "0");
    expect_success("blkdiscard -z -o 1M -l 1M " + path_of(*disk));
    EXPECT_TRUE(all_are(lun().content().subspan(1U << 20U, 1U << 20U), std::byte{0}));
    EXPECT_EQ(lun().zeroed, 0U);
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, passes_a_flush_on_and_reports_when_it_fails) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    const std::string write = "dd if=/dev/zero bs=4k count=1 oflag=direct conv=fsync of=";
    const unsigned before = lun().flushes;
    expect_success(write + path_of(*disk));
    EXPECT_GT(lun().flushes, before);
    lun().fail_flush = EIO;
    EXPECT_NE(run(write + path_of(*disk)).status, 0);
    EXPECT_TRUE(is_code(disk->remove(), disk_errc::flush_failed)); // and it is gone all the same
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
}

TEST_F(fuse_disk, reports_errors_of_the_lun) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    lun().fail_with = EIO;
    EXPECT_NE(run("dd of=/dev/null bs=4k count=1 iflag=direct if=" + path_of(*disk)).status, 0);
    EXPECT_NE(run("dd if=/dev/zero bs=4k count=1 oflag=direct of=" + path_of(*disk)).status, 0);
    lun().fail_with = 0;
    expect_success("dd of=/dev/null bs=4k count=1 iflag=direct if=" + path_of(*disk));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, attaches_a_lun_that_cannot_be_read) {
    ASSERT_TRUE(attach(unit_of(16))->remove());
    lun().fail_with = EIO;
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    lun().fail_with = 0;
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, is_not_removed_while_it_is_mounted) {
    const std::string mount_point = folder() + "/mnt";
    std::filesystem::create_directory(mount_point);
    auto disk = attach(unit_of(64));
    ASSERT_TRUE(disk);
    expect_success(
        "mkfs.ext4 -q " + path_of(*disk) + " && mount " + path_of(*disk) + " " + mount_point
    );
    EXPECT_TRUE(is_code(disk->remove(), disk_errc::busy));
    expect_success("echo still here > " + mount_point + "/file && sync -f " + mount_point);
    expect_success("umount " + mount_point);
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, is_not_removed_while_somebody_has_it_open) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    os::descriptor user(::open(path_of(*disk).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(user);
    EXPECT_TRUE(is_code(disk->remove(), disk_errc::busy));
    EXPECT_EQ(output_of("cat /sys/block/" + disk->node() + "/loop/autoclear"), "0");
    user.close();
    EXPECT_EQ(output_of("cat /sys/block/" + disk->node() + "/loop/dio"), "1"); // still bound
    expect_success("dd of=/dev/null bs=4k count=1 iflag=direct if=" + path_of(*disk));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_disk, goes_when_its_last_user_closes_it_in_time) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    os::descriptor user(::open(path_of(*disk).c_str(), O_RDONLY | O_CLOEXEC));
    auto removed = std::async(std::launch::async, [&disk] { return disk->remove(); });
    user.close();
    EXPECT_TRUE(removed.get());
}

TEST_F(fuse_disk, is_not_removed_while_a_partition_is_mounted_and_takes_partitions_along) {
    const std::string mount_point = folder() + "/mnt";
    std::filesystem::create_directory(mount_point);
    auto disk = attach(unit_of(64));
    ASSERT_TRUE(disk);
    const std::string path = path_of(*disk);
    expect_success("printf '2048,100000\n' | sfdisk -q " + path);
    expect_success("partx -u " + path + " || partx -a " + path);
    expect_success("mkfs.ext4 -q " + path + "p1 && mount " + path + "p1 " + mount_point);
    EXPECT_TRUE(is_code(disk->remove(), disk_errc::busy));
    EXPECT_TRUE(std::filesystem::exists(path + "p1"));
    expect_success("umount " + mount_point);
    ASSERT_TRUE(disk->remove());
    EXPECT_FALSE(std::filesystem::exists("/sys/block/" + disk->node() + "/" + disk->node() + "p1"));
    EXPECT_FALSE(std::filesystem::exists(path + "p1"));
}

TEST_F(fuse_disk, lives_beside_others) {
    auto first = attach(unit_of(32), 1);
    auto second = attach(unit_of(32), 2);
    ASSERT_TRUE(first && second);
    EXPECT_NE(first->node(), second->node());
    const std::string options = " --ioengine=libaio --rw=randwrite --bs=8k --iodepth=16 "
                                "--verify=crc32c --verify_fatal=1 --size=32M --randseed=";
    auto other =
        std::async(std::launch::async, [&] { return run(fio(path_of(*second), options + "7")); });
    expect_success(fio(path_of(*first), options + "9"));
    const auto end = other.get();
    EXPECT_EQ(end.status, 0) << end.output;
    EXPECT_FALSE(std::ranges::equal(lun(1).content(), lun(2).content()));
    EXPECT_TRUE(first->remove());
    EXPECT_TRUE(second->remove());
}

TEST_F(fuse_disk, takes_the_same_lun_twice_under_two_names) {
    auto first = attach(unit_of(16));
    auto second = attach(unit_of(16));
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->remove());
    EXPECT_TRUE(second->remove());
}

TEST_F(fuse_disk, gives_errors_to_whoever_uses_it_when_it_is_destroyed) {
    auto disk = attach(unit_of(16));
    ASSERT_TRUE(disk);
    const std::string node = disk->node();
    os::descriptor user(::open(path_of(*disk).c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    disk.reset();
    alignas(4096) std::array<std::byte, 4096> buffer{};
    EXPECT_EQ(::read(user.number(), buffer.data(), buffer.size()), -1);
    user.close();
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&node] {
        return backing_file_of(node).empty();
    }));
}

TEST_F(fuse_disk, refuses_geometries_that_loop_devices_do_not_have) {
    for (const std::uint32_t block_size : {0U, 256U, 520U, 8192U}) {
        scsi::logical_unit unit;
        unit.block_size = block_size;
        unit.block_count = 1000;
        const auto disk = try_attach(unit);
        ASSERT_FALSE(disk) << block_size;
        EXPECT_EQ(disk.error().code, iscsi::to_error_code(disk_errc::attach_failed));
    }
    scsi::logical_unit empty;
    EXPECT_FALSE(try_attach(empty));
}

} // namespace
