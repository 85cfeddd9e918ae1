#include "tests/integration/disk/disk_fixture.hpp"
#include "tests/integration/disk/ring_parameter.hpp"

#include "iscsid/disk/kept_file.hpp"
#include "iscsid/disk/kernel/left_behind.hpp"
#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/stale.hpp"

#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <thread>

namespace {

namespace os = iscsid::os;
using namespace iscsid::disk;
using namespace test;

constexpr std::uint64_t nonce_of_disk = 0x1122334455667788;

// The end of it that puts files in, and the other, in another process.
class store_pair final : public os::descriptor_store {
  public:
    store_pair() { ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_.data()); }

    bool is_kept() const override { return true; }

    bool keep(const std::string& name, const os::descriptor& file) override {
        if (is_full)
            return false;
        names.insert(name);
        return send(name, file.number());
    }

    bool has(const std::string& name) const override { return names.contains(name); }

    os::descriptor take(const std::string& name) override { return std::move(received_[name]); }

    void drop(const std::string& name) override { names.erase(name); }

    // In the other process: waits for one.
    void receive() {
        std::array<char, 128> name{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec part{name.data(), name.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const auto length = ::recvmsg(ends_[0], &message, MSG_CMSG_CLOEXEC);
        ASSERT_GT(length, 0);
        ASSERT_NE(CMSG_FIRSTHDR(&message), nullptr);
        int file = -1;
        std::memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
        const std::string key(name.data(), static_cast<std::size_t>(length));
        names.insert(key);
        received_[key] = os::descriptor(file);
    }

    std::set<std::string> names;
    bool is_full = false;

  private:
    bool send(const std::string& name, int file) const {
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec part{const_cast<char*>(name.data()), name.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof file);
        std::memcpy(CMSG_DATA(rights), &file, sizeof file);
        return ::sendmsg(ends_[1], &message, 0) >= 0;
    }

    std::array<int, 2> ends_{-1, -1};
    std::map<std::string, os::descriptor> received_;
};

class fuse_kept : public fuse_disks {
  protected:
    void SetUp() override {
        fuse_disks::SetUp();
        if (!IsSkipped() && !kernel_has_resend())
            GTEST_SKIP() << "needs FUSE_NOTIFY_RESEND (Linux 6.9)";
    }

    static disk_request request_for(memory_lun& content, memory_lane& lane) {
        disk_request request;
        request.target_name = "iqn.2026-11.org.example:memory";
        request.properties = unit_of(16);
        request.nonce = nonce_of_disk;
        lane.put(request.lun, content);
        return request;
    }

    std::unique_ptr<driver> driver_here() {
        return make_fuse_driver(
            waiter(), folder(), {.kept = &store_, .ring = ring_wish::automatic}
        );
    }

    // Makes a disk, answers nothing more, and lets a file say that a request waits. Never returns.
    [[noreturn]] void be_first_daemon() {
        memory_lun content(16U << 20U);
        content.fill(std::byte{0x11});
        memory_lane lane;
        const auto own = start_helper();
        const auto driver =
            make_fuse_driver(*own, folder(), {.kept = &store_, .ring = ring_wish::automatic});
        const auto disk = driver->attach(lane, request_for(content, lane));
        if (!disk || !(*disk)->outlives_daemon())
            ::_exit(1);
        content.hold = true;
        write_whole("node", (*disk)->node());
        wait_until(std::chrono::minutes(1), [&content] { return content.kept > 0; });
        write_whole("waits", "1");
        for (;;)
            ::pause();
    }

    // One of several that follow each other. Never returns.
    [[noreturn]] void be_next_daemon() {
        memory_lun content(16U << 20U);
        memory_lane lane;
        const auto own = start_helper();
        const auto request = request_for(content, lane);
        const auto driver =
            make_fuse_driver(*own, folder(), {.kept = &store_, .ring = ring_wish::automatic});
        const auto disk =
            node_.empty() ? driver->attach(lane, request) : driver->adopt(lane, request, node_);
        if (!disk)
            ::_exit(1);
        write_whole("node", (*disk)->node());
        for (;;)
            ::pause();
    }

    [[noreturn]] void be_short_lived_daemon(std::chrono::microseconds life) {
        memory_lun content(16U << 20U);
        memory_lane lane;
        const auto own = start_helper();
        const auto driver =
            make_fuse_driver(*own, folder(), {.kept = &store_, .ring = ring_wish::automatic});
        const auto disk = driver->adopt(lane, request_for(content, lane), node_);
        std::this_thread::sleep_for(life);
        ::raise(SIGKILL);
        ::_exit(1);
    }

    void write_whole(const std::string& name, const std::string& text) const {
        std::ofstream(folder() + "/new") << text << std::flush;
        std::filesystem::rename(folder() + "/new", folder() + "/" + name);
    }

    std::string read_when_there(const std::string& name) const {
        const std::string path = folder() + "/" + name;
        EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&path] {
            return std::filesystem::exists(path);
        })) << name;
        std::string text;
        std::ifstream(path) >> text;
        std::filesystem::remove(path);
        return text;
    }

    // A disk whose daemon was killed while a read waits, which goes on waiting.
    void leave_disk_with_a_reader() {
        const auto child = ::fork();
        if (child == 0)
            be_first_daemon();
        store_.receive();
        node_ = read_when_there("node");
        reader_ = std::async(std::launch::async, [node = node_] {
            const std::string read = " bs=4096 count=1 iflag=direct status=none";
            return run("dd if=/dev/" + node + read + " | od -An -tx1 -N4");
        });
        read_when_there("waits");
        end(child);
    }

    pid_t start_next_daemon() {
        const auto child = ::fork();
        if (child == 0)
            be_next_daemon();
        return child;
    }

    // A disk that is read and written until `fio` has moved what its options say.
    pid_t start_daemon_under_fio(const std::string& options) {
        const auto child = start_next_daemon();
        store_.receive();
        node_ = read_when_there("node");
        reader_ = std::async(std::launch::async, [node = node_, options] {
            return run(
                "fio --name=r --filename=/dev/" + node +
                " --rw=randrw --direct=1 --ioengine=libaio --size=16m " + options
            );
        });
        return child;
    }

    // Nothing has failed. The last daemon, which is ended with its disk.
    void expect_well_ended(pid_t daemon) {
        const auto ended = reader_.get();
        EXPECT_EQ(ended.status, 0) << ended.output;
        end(daemon);
        store_.names.clear();
        clean_stale(waiter(), folder());
    }

    static void end(pid_t daemon) {
        ::kill(daemon, SIGKILL);
        ::waitpid(daemon, nullptr, 0);
    }

    // Reads and writes that the disk has ended.
    std::uint64_t transfers() const {
        std::ifstream file("/sys/block/" + node_ + "/stat");
        std::array<std::uint64_t, 5> counts{};
        for (auto& each : counts)
            file >> each;
        return counts.front() + counts.back();
    }

    store_pair store_;
    std::string node_;
    std::future<command_end> reader_;
};

TEST_F(fuse_kept, a_disk_is_taken_over_with_what_waits_for_it) {
    leave_disk_with_a_reader();
    const auto is_kept = [this](std::uint64_t nonce) { return store_.has(stored_name(nonce)); };
    // Nobody asks a mount that cannot answer, and nobody takes it down.
    let_go_of_dead(disks_folder_in(folder()));
    const auto stale = clean_stale(waiter(), folder(), is_kept);
    EXPECT_TRUE(stale.removed.empty());
    EXPECT_TRUE(stale.in_use.empty());

    memory_lun content(16U << 20U);
    content.fill(std::byte{0x22});
    const auto request = request_for(content, *lane_);
    const auto driver = driver_here();
    EXPECT_TRUE(driver->owner_of(request, node_)());
    auto adopted = driver->adopt(*lane_, request, node_);
    ASSERT_TRUE(adopted) << adopted.error().text();
    const auto read = reader_.get();
    EXPECT_EQ(read.output, " 22 22 22 22\n");
    EXPECT_EQ((*adopted)->node(), node_);
    EXPECT_TRUE((*adopted)->outlives_daemon());
    EXPECT_EQ(run("dd if=/dev/zero of=/dev/" + node_ + " bs=1M count=4 oflag=direct").status, 0);
    EXPECT_EQ(content.content()[4095], std::byte{0});
    ASSERT_TRUE((*adopted)->remove());
    EXPECT_TRUE(store_.names.empty());
    EXPECT_EQ(left_behind(folder()), std::vector<std::string>());
}

// Whatever each daemon was at when it was killed.
TEST_F(fuse_kept, no_request_fails_however_often_the_daemon_is_killed) {
    if (run("command -v fio").status != 0)
        GTEST_SKIP() << "needs fio";
    auto child = start_daemon_under_fio("--bs=4k --iodepth=8 --io_size=128m");
    const auto is_over = [this] {
        return reader_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    };
    int kills = 0;
    while (!is_over()) {
        const auto before = transfers();
        EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] {
            return is_over() || transfers() > before + 500;
        }));
        end(child);
        ++kills;
        child = start_next_daemon();
        read_when_there("node");
    }
    expect_well_ended(child);
    EXPECT_GT(kills, 3);
}

// With buffers that a daemon has never used: a page that is not present cannot be made so for one
// that is being killed, and the kernel would end the request that it was about to hand out.
TEST_F(fuse_kept, no_request_fails_although_daemons_are_killed_at_once) {
    if (run("command -v fio").status != 0)
        GTEST_SKIP() << "needs fio";
    auto child = start_daemon_under_fio("--bs=256k --iodepth=32 --io_size=2g");
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [this] { return transfers() > 500; }));
    end(child);
    constexpr int kills = 100;
    for (int number = 0; number < kills; ++number) {
        child = ::fork();
        if (child == 0)
            be_short_lived_daemon(std::chrono::microseconds(number * 20));
        ::waitpid(child, nullptr, 0);
    }
    child = start_next_daemon();
    read_when_there("node");
    expect_well_ended(child);
}

// No kernel hands out again what it gave by io_uring.
TEST_F(fuse_kept, io_uring_is_used_only_by_a_disk_that_is_to_end_with_the_daemon) {
    if (!ring_parameter::is_there())
        GTEST_SKIP() << "needs Linux 6.14 and a parameter enable_uring that can be set";
    memory_lun content(16U << 20U);
    const auto request = request_for(content, *lane_);
    for (const auto wish : {ring_wish::automatic, ring_wish::yes}) {
        const ring_parameter offered(true);
        const auto by = make_fuse_driver(waiter(), folder(), {.kept = &store_, .ring = wish});
        const bool is_automatic = wish == ring_wish::automatic;
        EXPECT_EQ(by->words().find("outlive the daemon") != std::string::npos, is_automatic);
        auto disk = by->attach(*lane_, request);
        ASSERT_TRUE(disk) << disk.error().text();
        EXPECT_EQ((*disk)->remark(), "");
        EXPECT_EQ((*disk)->outlives_daemon(), is_automatic);
        EXPECT_EQ(store_.names.size(), is_automatic ? 1U : 0U);
        EXPECT_TRUE((*disk)->remove());
        EXPECT_TRUE(store_.names.empty());
    }
}

TEST_F(fuse_kept, a_disk_whose_connection_has_ended_is_taken_down) {
    leave_disk_with_a_reader();
    clean_stale(waiter(), folder()); // in use: only its connection ends
    EXPECT_NE(reader_.get().output.find("error"), std::string::npos);
    memory_lun content(16U << 20U);
    const auto adopted = driver_here()->adopt(*lane_, request_for(content, *lane_), node_);
    ASSERT_FALSE(adopted);
    EXPECT_TRUE(wait_until(std::chrono::seconds(10), [this] {
        return left_behind(folder()).empty();
    }));
    EXPECT_TRUE(store_.names.empty());
}

TEST_F(fuse_kept, a_disk_that_the_store_does_not_take_ends_with_its_daemon) {
    store_.is_full = true;
    memory_lun content(16U << 20U);
    const auto driver = driver_here();
    EXPECT_TRUE(driver->can_adopt());
    auto made = driver->attach(*lane_, request_for(content, *lane_));
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_FALSE((*made)->outlives_daemon());
    const auto mounts = mounts_below(folder());
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_FALSE(kept_nonce(mounts[0].source));
    EXPECT_TRUE((*made)->remove());
}

TEST_F(fuse_kept, the_store_is_empty_after_a_removal) {
    memory_lun content(16U << 20U);
    auto made = driver_here()->attach(*lane_, request_for(content, *lane_));
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(store_.names.size(), 1U);
    const auto mounts = mounts_below(folder());
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_EQ(kept_nonce(mounts[0].source), nonce_of_disk);
    EXPECT_EQ(largest_read(mounts[0]), fuse_shape{}.payload);
    EXPECT_TRUE((*made)->remove());
    EXPECT_TRUE(store_.names.empty());
}

} // namespace
