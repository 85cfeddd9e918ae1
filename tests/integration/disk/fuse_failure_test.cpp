#include "tests/integration/disk/disk_fixture.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/stale.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace {

namespace os = iscsid::os;
using namespace iscsid::disk;
using namespace test;
using std::chrono::milliseconds;

class fuse_failure : public fuse_disks {
  protected:
    disk_request request_for(memory_lun& content, memory_lane& lane) {
        disk_request request;
        request.target_name = "iqn.2026-11.org.example:memory";
        request.properties = unit_of(16);
        lane.put(request.lun, content);
        return request;
    }

    // In a process of its own: a disk whose LUN falls silent, and then a thread that waits for it,
    // by itself or by way of its helper. Never returns.
    [[noreturn]] void hang_in_own_disk(bool in_read) {
        memory_lun content(16U << 20U);
        memory_lane lane;
        const auto own = start_helper();
        const auto disk =
            make_fuse_driver(*own, folder())->attach(lane, request_for(content, lane));
        if (!disk)
            ::_exit(1);
        content.hold = true;
        const std::string path = "/dev/" + (*disk)->node();
        const os::descriptor device(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const std::ofstream note(folder() + "/hangs");
        char byte = 0;
        if (in_read)
            static_cast<void>(::pread(device.number(), &byte, 1, 0));
        else
            ::fsync(device.number());
        ::_exit(1);
    }

    [[noreturn]] void hang_in_helper(bool in_flush) {
        memory_lun content(16U << 20U);
        content.hold = !in_flush;
        memory_lane lane;
        const auto own = start_helper();
        std::thread([&content, file = folder() + "/helper", serving = own->process()] {
            wait_until(std::chrono::minutes(1), [&content] { return content.kept > 0; });
            std::ofstream(file + ".new") << serving << std::flush;
            std::filesystem::rename(file + ".new", file);
        }).detach();
        const auto disk =
            make_fuse_driver(*own, folder())->attach(lane, request_for(content, lane));
        if (!disk)
            ::_exit(1);
        content.hold = true;
        static_cast<void>((*disk)->remove());
        ::_exit(1);
    }

    // One of its threads waits for the kernel, as no signal can end it.
    static bool is_uninterruptible(pid_t process) {
        return run("cat /proc/" + std::to_string(process) + "/task/*/stat | grep -q ' D '")
                   .status == 0;
    }

    // A daemon that is killed while it has a disk. Gives the node.
    std::string disk_of_a_killed_daemon() {
        const auto child = ::fork();
        if (child == 0) {
            memory_lun content(16U << 20U);
            memory_lane lane;
            const auto own = start_helper();
            const auto driver = make_fuse_driver(*own, folder());
            const auto disk = driver->attach(lane, request_for(content, lane));
            std::ofstream(folder() + "/node") << (disk ? (*disk)->node() : "") << std::flush;
            ::raise(SIGKILL);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status));
        std::string node;
        std::ifstream(folder() + "/node") >> node;
        EXPECT_FALSE(node.empty());
        return node;
    }
};

TEST_F(fuse_failure, undoes_all_when_the_lun_does_not_answer) {
    memory_lun content(16U << 20U);
    content.hold = true;
    const fuse_patience patience{.attach = milliseconds(200), .lane = milliseconds(50)};
    const auto driver = make_fuse_driver(waiter(), folder(), {.patience = patience});
    const auto disk = driver->attach(*lane_, request_for(content, *lane_));
    // The scan for partitions hangs until the disk is given up.
    ASSERT_FALSE(disk);
    EXPECT_NE(disk.error().text().find("no answer from the LUN"), std::string::npos);
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    std::promise<void> ended;
    lane_->post([&] {
        content.let_go();
        ended.set_value();
    });
    ended.get_future().wait();
}

TEST_F(fuse_failure, removes_a_disk_whose_target_is_away) {
    memory_lun content(16U << 20U);
    const fuse_patience patience{.flush = milliseconds(200), .lane = milliseconds(50)};
    const auto driver = make_fuse_driver(waiter(), folder(), {.patience = patience});
    auto disk = driver->attach(*lane_, request_for(content, *lane_));
    ASSERT_TRUE(disk) << disk.error().text();
    content.hold = true;
    const auto removed = (*disk)->remove();
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, iscsi::to_error_code(disk_errc::flush_failed));
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    EXPECT_EQ(content.kept, 1U);
    // The flush is still with the LUN; the lane drops the disk's memory when it ends.
    std::promise<void> ended;
    lane_->post([&] {
        content.let_go();
        ended.set_value();
    });
    ended.get_future().wait();
}

TEST_F(fuse_failure, says_where_it_could_not_mount) {
    const std::string file = folder() + "/file";
    std::ofstream(file) << "not a folder";
    memory_lun content(16U << 20U);
    const auto disk =
        make_fuse_driver(waiter(), file)->attach(*lane_, request_for(content, *lane_));
    ASSERT_FALSE(disk);
    EXPECT_EQ(disk.error().code, iscsi::to_error_code(disk_errc::mount_failed));
    EXPECT_NE(disk.error().field.find(file), std::string::npos);
    std::filesystem::remove(file);
}

TEST_F(fuse_failure, what_a_killed_daemon_left_is_cleaned) {
    const std::string node = disk_of_a_killed_daemon();
    EXPECT_EQ(left_behind(folder()).size(), 2U);
    const auto found = clean_stale(waiter(), folder());
    EXPECT_EQ(found.removed.size(), 2U);
    EXPECT_EQ(found.removed.at(0), node);
    EXPECT_TRUE(found.in_use.empty());
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    EXPECT_TRUE(clean_stale(waiter(), folder()).removed.empty());
}

TEST_F(fuse_failure, what_is_still_in_use_is_named_and_goes_when_it_is_closed) {
    const std::string node = disk_of_a_killed_daemon();
    {
        const os::descriptor user(::open(("/dev/" + node).c_str(), O_RDONLY | O_CLOEXEC));
        const auto found = clean_stale(waiter(), folder());
        EXPECT_TRUE(found.removed.empty());
        ASSERT_EQ(found.in_use.size(), 1U);
        EXPECT_NE(found.in_use[0].text().find(node), std::string::npos);
        EXPECT_FALSE(backing_file_of(node).empty());
    }
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&node] {
        return backing_file_of(node).empty();
    }));
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    EXPECT_TRUE(clean_stale(waiter(), folder()).removed.empty());
}

// What a daemon of an earlier version does, and what no later one may: one of its threads waits on
// its own disk. Killed then it cannot end, and the kernel does not know that nobody will answer.
TEST_F(fuse_failure, a_daemon_that_hangs_in_its_own_disk_is_freed) {
    for (const bool in_read : {false, true}) {
        const auto child = ::fork();
        if (child == 0)
            hang_in_own_disk(in_read);
        const std::string hangs = folder() + "/hangs";
        EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] {
            return std::filesystem::exists(hangs) && is_uninterruptible(child);
        }));
        std::filesystem::remove(hangs);
        ::kill(child, SIGKILL);
        const auto found = clean_stale(waiter(), folder());
        EXPECT_GE(found.removed.size(), 1U);
        EXPECT_TRUE(found.in_use.empty()) << found.in_use.front().text();
        const auto ended = [child] { return ::waitpid(child, nullptr, WNOHANG) == child; };
        if (!wait_until(std::chrono::seconds(10), ended)) {
            ADD_FAILURE() << "the killed process is still there";
            give_up_disks(waiter(), folder());
        }
        EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    }
}

// The calls of the real daemon hang in its helper, which has nothing of /dev/fuse: so the kernel
// sees the end of the daemon, and the calls end, too.
TEST_F(fuse_failure, a_daemon_that_is_killed_while_its_helper_waits_ends_at_once) {
    for (const bool in_flush : {false, true}) {
        const auto child = ::fork();
        if (child == 0)
            hang_in_helper(in_flush);
        const std::string pid_file = folder() + "/helper";
        pid_t serving = 0;
        EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] {
            return bool(std::ifstream(pid_file) >> serving);
        }));
        std::filesystem::remove(pid_file);
        ::kill(child, SIGKILL);
        const auto ended = [child] { return ::waitpid(child, nullptr, WNOHANG) == child; };
        EXPECT_TRUE(wait_until(std::chrono::seconds(10), ended)) << "the process is still there";
        EXPECT_TRUE(wait_until(std::chrono::seconds(10), [serving] {
            return ::kill(serving, 0) != 0;
        })) << "the helper is still there";
        clean_stale(waiter(), folder());
        EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
    }
}

TEST_F(fuse_failure, partitions_that_outlive_a_binding_are_deleted) {
    const std::string image = folder() + "/image";
    const auto made =
        run("truncate -s 16M " + image + " && printf '2048,8192\\n12288,4096\\n' | sfdisk -q " +
            image + " && losetup --show -f " + image);
    ASSERT_EQ(made.status, 0) << made.output;
    const std::string path = made.output.substr(0, made.output.find('\n'));
    const std::string node = path.substr(5);
    ASSERT_EQ(run("partx -a " + path + " && losetup -d " + path).status, 0);
    ASSERT_TRUE(std::filesystem::exists(path + "p2"));
    delete_partitions(node);
    EXPECT_FALSE(std::filesystem::exists(path + "p1"));
    EXPECT_FALSE(std::filesystem::exists(path + "p2"));
}

} // namespace
