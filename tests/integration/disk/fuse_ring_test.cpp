#include "tests/integration/disk/disk_fixture.hpp"
#include "tests/integration/disk/ring_parameter.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/stale.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

// Disks of fuse whose requests come by io_uring. Skips where the kernel has no enable_uring that
// can be set.
namespace {

namespace os = iscsid::os;
using namespace iscsid::disk;
using namespace test;
using std::chrono::milliseconds;

class fuse_ring : public fuse_disks {
  protected:
    void SetUp() override {
        if (!ring_parameter::is_there())
            GTEST_SKIP() << "needs Linux 6.14 and a parameter enable_uring that can be set";
        fuse_disks::SetUp();
    }

    void TearDown() override {
        if (!folder().empty())
            fuse_disks::TearDown();
    }

    // The parameter counts while the kernel says INIT.
    std::unique_ptr<iscsid::disk::disk> put_up(
        memory_lane& lane, memory_lun& lun, const scsi::logical_unit& unit, std::uint8_t number = 0
    ) {
        const ring_parameter offered(true);
        auto made = try_put_up(lane, lun, unit, {.ring = ring_wish::yes}, number);
        EXPECT_TRUE(made) << made.error().text();
        if (!made)
            return nullptr;
        EXPECT_EQ((*made)->remark(), "");
        return std::move(*made);
    }

    iscsi::result<std::unique_ptr<iscsid::disk::disk>> try_put_up(
        memory_lane& lane,
        memory_lun& lun,
        const scsi::logical_unit& unit,
        const fuse_settings& settings,
        std::uint8_t number = 0
    ) {
        disk_request request;
        request.session = 1;
        request.lun[1] = std::byte{number};
        request.lun_number = number;
        request.target_name = "iqn.2026-11.org.example:memory";
        request.properties = unit;
        lane.put(request.lun, lun);
        return make_fuse_driver(waiter(), folder(), settings)->attach(lane, request);
    }

    static std::string
    fio(const iscsid::disk::disk& disk, const std::string& options, const std::string& name = "v") {
        return "fio --name=" + name + " --filename=" + path_of(disk) +
               " --verify_fatal=1 --verify_state_save=0 " + options;
    }

    static void expect_success(const std::string& command) {
        const auto end = run(command);
        EXPECT_EQ(end.status, 0) << command << ": " << end.output;
    }

    // Lets go what the LUN has kept, and waits for that.
    static void let_go(memory_lane& lane, memory_lun& lun) {
        std::promise<void> done;
        lane.post([&] {
            lun.let_go();
            done.set_value();
        });
        done.get_future().wait();
    }
};

TEST_F(fuse_ring, keeps_data_of_every_size_and_depth) {
    memory_lun lun(64U << 20U);
    auto disk = put_up(*lane_, lun, unit_of(64));
    ASSERT_TRUE(disk);
    for (const auto* const load :
         {"--direct=1 --ioengine=io_uring --rw=randwrite --bs=4k --iodepth=1 --size=4M",
          "--direct=1 --ioengine=io_uring --rw=randwrite --bs=4k --iodepth=128",
          "--direct=1 --ioengine=libaio --rw=randwrite --bsrange=4k-1m --bs_unaligned=0 "
          "--iodepth=16",
          "--direct=1 --ioengine=io_uring --rw=write --bs=1m --iodepth=8",
          "--direct=0 --ioengine=psync --rw=randwrite --bs=8k --fsync=64 --end_fsync=1",
          "--direct=1 --ioengine=psync --rw=randwrite --bs=64k --numjobs=8 --size=8M "
          "--offset_increment=8M --thread"})
        expect_success(fio(*disk, std::string("--verify=crc32c --size=64M ") + load));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_ring, what_is_written_is_in_the_lun_and_what_is_there_is_read) {
    memory_lun lun(32U << 20U);
    auto disk = put_up(*lane_, lun, unit_of(32, 4096));
    ASSERT_TRUE(disk);
    expect_success(
        "head -c 32M /dev/urandom > " + folder() + "/data && dd bs=1M oflag=direct if=" + folder() +
        "/data of=" + path_of(*disk)
    );
    expect_success(
        "dd bs=256k iflag=direct if=" + path_of(*disk) + " | cmp - " + folder() + "/data"
    );
    std::ifstream data(folder() + "/data", std::ios::binary);
    std::vector<char> bytes(32U << 20U);
    data.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    EXPECT_TRUE(std::ranges::equal(lun.content(), std::as_bytes(std::span(bytes))));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_ring, flushes_and_discards) {
    memory_lun lun(32U << 20U);
    auto disk = put_up(*lane_, lun, thin(unit_of(32)));
    ASSERT_TRUE(disk);
    lun.fill(std::byte{0xff});
    const unsigned before = lun.flushes;
    expect_success("dd of=" + path_of(*disk) + " if=/dev/zero bs=4k count=1 conv=fsync");
    EXPECT_GT(lun.flushes, before);
    expect_success("blkdiscard -o 1M -l 4M " + path_of(*disk));
    EXPECT_GT(lun.zeroed, 0U);
    expect_success(
        "dd bs=1M skip=1 count=4 iflag=direct if=" + path_of(*disk) +
        " | cmp -n 4194304 - /dev/zero"
    );
    lun.fail_flush = EIO;
    EXPECT_NE(run("dd of=" + path_of(*disk) + " if=/dev/zero bs=4k count=1 conv=fsync").status, 0);
    lun.fail_flush = 0;
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_ring, errors_reach_whoever_asked) {
    memory_lun lun(16U << 20U);
    auto disk = put_up(*lane_, lun, unit_of(16));
    ASSERT_TRUE(disk);
    lun.fail_with = EIO;
    EXPECT_NE(run("dd of=/dev/null bs=4k count=1 iflag=direct if=" + path_of(*disk)).status, 0);
    lun.fail_with = 0;
    expect_success("dd of=/dev/null bs=4k count=1 iflag=direct if=" + path_of(*disk));
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_ring, two_disks_live_on_one_lane_and_a_third_on_another) {
    memory_lun first_lun(32U << 20U);
    memory_lun second_lun(32U << 20U);
    memory_lun third_lun(32U << 20U);
    memory_lane other_lane;
    auto first = put_up(*lane_, first_lun, unit_of(32), 1);
    auto second = put_up(*lane_, second_lun, unit_of(32), 2);
    auto third = put_up(other_lane, third_lun, unit_of(32), 3);
    ASSERT_TRUE(first && second && third);
    const auto load = [](const iscsid::disk::disk& on, const std::string& seed) {
        return fio(
            on,
            "--direct=1 --ioengine=io_uring --rw=randwrite --bs=8k --iodepth=16 --verify=crc32c "
            "--size=32M --randseed=" +
                seed
        );
    };
    auto one = std::async(std::launch::async, [&] { return run(load(*first, "1")); });
    auto two = std::async(std::launch::async, [&] { return run(load(*second, "2")); });
    const auto three = run(load(*third, "3"));
    for (const auto& end : {one.get(), two.get(), three})
        EXPECT_EQ(end.status, 0) << end.output;
    EXPECT_TRUE(second->remove());
    expect_success("dd of=/dev/null bs=4k count=100 iflag=direct if=" + path_of(*first));
    EXPECT_TRUE(first->remove());
    EXPECT_TRUE(third->remove());
}

TEST_F(fuse_ring, requests_wait_for_a_target_that_is_away) {
    memory_lun lun(16U << 20U);
    auto disk = put_up(*lane_, lun, unit_of(16));
    ASSERT_TRUE(disk);
    lun.hold = true;
    // More than the entries of a queue.
    auto load = std::async(std::launch::async, [&] {
        return run(fio(
            *disk,
            "--direct=1 --ioengine=io_uring --rw=randwrite --bs=4k --iodepth=128 --verify=crc32c "
            "--size=16M"
        ));
    });
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] { return lun.kept >= 16; }));
    let_go(*lane_, lun);
    const auto end = load.get();
    EXPECT_EQ(end.status, 0) << end.output;
    EXPECT_TRUE(disk->remove());
}

TEST_F(fuse_ring, is_taken_from_whoever_uses_it_under_load) {
    memory_lun lun(16U << 20U);
    auto disk = put_up(*lane_, lun, unit_of(16));
    ASSERT_TRUE(disk);
    const std::string node = disk->node();
    auto load = std::async(std::launch::async, [path = path_of(*disk)] {
        return run(
            "fio --name=l --filename=" + path +
            " --direct=1 --ioengine=io_uring --rw=randrw --bs=4k --iodepth=32 --time_based "
            "--runtime=60"
        );
    });
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] { return lun.reads > 1000; }));
    disk.reset();
    EXPECT_NE(load.get().status, 0);
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&node] {
        return backing_file_of(node).empty();
    }));
}

TEST_F(fuse_ring, is_removed_while_its_target_is_away) {
    memory_lun lun(16U << 20U);
    const fuse_settings settings{
        .patience = {.flush = milliseconds(200), .lane = milliseconds(50)}, .ring = ring_wish::yes};
    std::unique_ptr<iscsid::disk::disk> disk;
    {
        const ring_parameter offered(true);
        auto made = try_put_up(*lane_, lun, unit_of(16), settings);
        ASSERT_TRUE(made) << made.error().text();
        disk = std::move(*made);
    }
    lun.hold = true;
    EXPECT_FALSE(disk->remove());
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    EXPECT_EQ(lun.kept, 1U);
    let_go(*lane_, lun); // the lane drops the memory of the entry when its request ends
}

TEST_F(fuse_ring, all_is_undone_when_the_lun_does_not_answer) {
    memory_lun lun(16U << 20U);
    lun.hold = true;
    const fuse_settings settings{
        .patience = {.attach = milliseconds(200), .lane = milliseconds(50)},
        .ring = ring_wish::yes};
    {
        const ring_parameter offered(true);
        EXPECT_FALSE(try_put_up(*lane_, lun, unit_of(16), settings));
    }
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    let_go(*lane_, lun);
}

TEST_F(fuse_ring, a_killed_daemon_leaves_nothing_that_hangs) {
    const auto child = ::fork();
    if (child == 0) {
        memory_lun lun(16U << 20U);
        memory_lane lane;
        const auto own = start_helper();
        const auto disk = put_up(lane, lun, unit_of(16));
        if (!disk)
            ::_exit(1);
        lun.hold = true;
        std::ofstream(folder() + "/new") << disk->node() << std::flush;
        std::filesystem::rename(folder() + "/new", folder() + "/node");
        for (;;)
            ::pause();
    }
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [this] {
        return std::filesystem::exists(folder() + "/node");
    }));
    std::string node;
    std::ifstream(folder() + "/node") >> node;
    auto reader = std::async(std::launch::async, [&node] {
        return run("dd of=/dev/null bs=4k count=1000 iflag=direct if=/dev/" + node).status;
    });
    const auto waits = [&node] {
        return run("cat /sys/block/" + node + "/inflight | grep -q '[1-9]'").status == 0;
    };
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), waits));
    ::kill(child, SIGKILL);
    EXPECT_NE(reader.get(), 0);
    ::waitpid(child, nullptr, 0);
    clean_stale(waiter(), folder());
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
}

TEST_F(fuse_ring, requests_are_read_where_the_kernel_does_not_offer_it) {
    memory_lun lun(16U << 20U);
    const ring_parameter offered(false);
    auto disk = try_put_up(*lane_, lun, unit_of(16), {.ring = ring_wish::automatic});
    ASSERT_TRUE(disk) << disk.error().text();
    const auto driver = make_fuse_driver(waiter(), folder(), {.ring = ring_wish::automatic});
    EXPECT_NE(driver->words().find("enable_uring of the module fuse is N"), std::string::npos);
    expect_success(fio(**disk, "--direct=1 --rw=randwrite --bs=4k --size=4M --verify=crc32c"));
    EXPECT_TRUE((*disk)->remove());
}

// The lane finds out: its driver thought that there was io_uring.
TEST_F(fuse_ring, requests_are_read_where_the_lane_has_no_io_uring) {
    memory_lun lun(16U << 20U);
    memory_lane lane(true);
    const ring_parameter offered(true);
    auto disk = try_put_up(lane, lun, unit_of(16), {.ring = ring_wish::yes});
    ASSERT_TRUE(disk) << disk.error().text();
    EXPECT_NE((*disk)->remark().find("io_uring is not offered"), std::string::npos);
    expect_success(fio(**disk, "--direct=1 --rw=randwrite --bs=4k --size=4M --verify=crc32c"));
    EXPECT_TRUE((*disk)->remove());
}

// A ring with wide commands that the kernel refuses, for their payloads are too small: each, or
// every second one.
class spoiling_ring final : public iscsid::lane::ring {
  public:
    explicit spoiling_ring(std::uint32_t step) : step_(step) {}

    using client = iscsid::lane::ring_client;

    void read(int fd, iscsi::mutable_bytes into, client& who, std::uint32_t op) override {
        io_->read(fd, into, who, op);
    }

    void write_vector(
        int to, std::span<const iovec> from, client& who, std::uint32_t op, iscsid::lane::ending end
    ) override {
        io_->write_vector(to, from, who, op, end);
    }

    void receive_vector(int socket, std::span<const iovec> into, client& who, std::uint32_t op)
        override {
        io_->receive_vector(socket, into, who, op);
    }

    void send_vector(
        int socket,
        std::span<const iovec> from,
        client& who,
        std::uint32_t op,
        iscsid::lane::ending end
    ) override {
        io_->send_vector(socket, from, who, op, end);
    }

    void hurry() override { io_->hurry(); }

    void command(
        int fd,
        std::uint32_t opcode,
        const iscsid::lane::command_field& what,
        client& who,
        std::uint32_t op
    ) override {
        io_->command(fd, opcode, what, who, op);
    }

    bool takes_wide_commands() const override { return io_->takes_wide_commands(); }

    void command_with_buffers(
        int fd, const iscsid::lane::wide_command& what, client& who, std::uint32_t op
    ) override {
        if (!what.buffers.empty())
            spoilt_ = {what.buffers[0], {what.buffers[1].iov_base, 4096}};
        auto other = what;
        if (!what.buffers.empty() && op % step_ == 0)
            other.buffers = spoilt_;
        io_->command_with_buffers(fd, other, who, op);
    }

    void cancel(client& who, std::uint32_t op) override { io_->cancel(who, op); }

    void turn(std::optional<iscsi::instant> deadline) override { io_->turn(deadline); }

    std::uint64_t system_calls() const override { return io_->system_calls(); }

    std::string_view name() const override { return io_->name(); }

  private:
    std::uint32_t step_;
    std::unique_ptr<iscsid::lane::ring> io_ = iscsid::lane::make_ring();
    std::array<iovec, 2> spoilt_{};
};

TEST_F(fuse_ring, requests_are_read_when_the_kernel_refuses_the_entries) {
    memory_lun lun(16U << 20U);
    memory_lane lane(std::make_unique<spoiling_ring>(1));
    const ring_parameter offered(true);
    auto disk = try_put_up(lane, lun, unit_of(16), {.ring = ring_wish::yes});
    ASSERT_TRUE(disk) << disk.error().text();
    EXPECT_NE((*disk)->remark().find("io_uring is refused: Invalid argument"), std::string::npos);
    expect_success(
        fio(**disk,
            "--direct=1 --ioengine=io_uring --iodepth=32 --rw=randwrite --bs=4k --size=4M "
            "--verify=crc32c")
    );
    EXPECT_TRUE((*disk)->remove());
}

// The kernel would use the others, but only as long as the parameter stays: the disk is made again.
TEST_F(fuse_ring, requests_are_read_when_the_kernel_refuses_some_of_the_entries) {
    memory_lun lun(16U << 20U);
    memory_lane lane(std::make_unique<spoiling_ring>(2));
    std::unique_ptr<iscsid::disk::disk> disk;
    {
        const ring_parameter offered(true);
        auto made = try_put_up(lane, lun, unit_of(16), {.ring = ring_wish::yes});
        ASSERT_TRUE(made) << made.error().text();
        disk = std::move(*made);
    }
    EXPECT_NE(disk->remark().find("io_uring was refused for a disk"), std::string::npos);
    expect_success(fio(*disk, "--direct=1 --rw=randwrite --bs=4k --size=4M --verify=crc32c"));
    EXPECT_TRUE(disk->remove());
}

} // namespace
