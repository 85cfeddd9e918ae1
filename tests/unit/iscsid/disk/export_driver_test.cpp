#include "tests/integration/disk/memory_lane.hpp"
#include "tests/unit/iscsid/disk/export_client.hpp"

#include "iscsid/disk/export_driver.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

namespace {

namespace fs = std::filesystem;
using namespace iscsid::disk;
using std::chrono::milliseconds;
using test::bytes;
using test::export_client;
using clients = std::list<export_client>;
using disks = std::vector<std::unique_ptr<iscsid::disk::disk>>;

constexpr std::size_t size = std::size_t{8} << 20U;

scsi::logical_unit unit() {
    scsi::logical_unit lun;
    lun.block_count = size / 512;
    lun.write_cache_enabled = true;
    lun.can_unmap = true;
    return lun;
}

bytes pattern(std::size_t length) {
    bytes data(length);
    for (std::size_t at = 0; at < length; ++at)
        data[at] = static_cast<std::byte>(at % 251);
    return data;
}

unsigned mode_of(const std::string& path) {
    struct stat found {};

    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
}

std::ptrdiff_t entries_of(const char* folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

std::ptrdiff_t threads() {
    return entries_of("/proc/self/task");
}

std::ptrdiff_t descriptors() {
    return entries_of("/proc/self/fd");
}

// A driver in a folder of its own, with a LUN in memory on a real ring.
class export_driver : public ::testing::Test {
  protected:
    export_driver() {
        std::string name = fs::temp_directory_path() / "export.XXXXXX";
        folder = ::mkdtemp(name.data());
        restart();
        lane.put({}, lun);
    }

    ~export_driver() override {
        disk.reset();
        fs::remove_all(folder);
    }

    export_driver(const export_driver&) = delete;
    export_driver& operator=(const export_driver&) = delete;
    export_driver(export_driver&&) = delete;
    export_driver& operator=(export_driver&&) = delete;

    void restart(const export_patience& patience = {.users = milliseconds(50)}) {
        driver = make_export_driver(folder, {}, patience);
    }

    iscsi::result<std::unique_ptr<iscsid::disk::disk>>
    try_attach(const scsi::logical_unit& properties = unit(), const std::string& name = "iqn.x:y") {
        disk_request what;
        what.lun_number = 1;
        what.target_name = name;
        what.properties = properties;
        return driver->attach(lane, what);
    }

    void attach(const scsi::logical_unit& properties = unit()) {
        auto made = try_attach(properties);
        ASSERT_TRUE(made) << made.error().text();
        disk = std::move(*made);
    }

    std::string path() const { return path_of("iqn.x:y"); }

    std::string path_of(const std::string& target) const {
        return folder + "/nbd/" + target + "-lun-1.sock";
    }

    // Targets "0", "1" and so on.
    void attach_more(disks& to, std::size_t count) {
        for (; count > 0; --count) {
            auto made = try_attach(unit(), std::to_string(to.size()));
            ASSERT_TRUE(made) << made.error().text();
            to.push_back(std::move(*made));
        }
    }

    // Whether a client can come and read; one that left a moment ago may still count.
    bool is_served() const {
        return wait_until(std::chrono::seconds(20), [this] {
            export_client client(path());
            bytes block(512);
            return client.go() && client.read(0, block) == 0;
        });
    }

    // Of the first attempt after all clients have left.
    boost::system::error_code error_of_removal() const {
        const auto busy = iscsi::to_error_code(disk_errc::busy);
        boost::system::error_code error;
        wait_until(std::chrono::seconds(20), [&] {
            const auto removed = disk->remove();
            error = removed ? boost::system::error_code() : removed.error().code;
            return error != busy;
        });
        return error;
    }

    bool is_removed() const { return !error_of_removal(); }

    // What the LUN kept goes on, on the lane's thread.
    void let_go() {
        std::promise<void> done;
        lane.post([&] {
            lun.let_go();
            done.set_value();
        });
        done.get_future().wait();
    }

    std::string folder;
    test::memory_lun lun{size};
    test::memory_lane lane;
    std::unique_ptr<iscsid::disk::driver> driver;
    std::unique_ptr<iscsid::disk::disk> disk;
};

TEST_F(export_driver, serves_a_lun_on_a_socket) {
    attach();
    EXPECT_EQ(driver->name(), "export");
    EXPECT_EQ(disk->node(), "");
    export_client client(path());
    ASSERT_TRUE(client.go());
    EXPECT_EQ(client.info().size, size);
    const auto data = pattern(65536);
    EXPECT_EQ(client.write(4096, data), 0);
    bytes back(data.size());
    EXPECT_EQ(client.read(4096, back), 0);
    EXPECT_EQ(back, data);
    EXPECT_TRUE(std::ranges::equal(lun.content().subspan(4096, data.size()), data));
    EXPECT_EQ(client.flush(), 0);
    EXPECT_EQ(lun.flushes, 1U);
    EXPECT_EQ(client.trim(4096, 4096), 0);
    EXPECT_EQ(lun.zeroed, 1U);
    client.disconnect();
    EXPECT_TRUE(client.is_cut_off());
    EXPECT_TRUE(is_removed());
}

TEST_F(export_driver, keeps_what_follows_the_handshake) {
    attach();
    export_client client(path());
    lun.fill(std::byte{7});
    ASSERT_TRUE(client.go("iqn.x:y-lun-1", export_client::request(0, 0, 512)));
    EXPECT_EQ(client.reply(), 0);
    EXPECT_EQ(client.receive(512), bytes(512, std::byte{7}));
}

TEST_F(export_driver, lets_clients_in_by_the_right_name_only) {
    attach();
    EXPECT_FALSE(export_client(path()).go("another"));
    export_client client(path());
    EXPECT_TRUE(client.send(bytes(64, std::byte{'x'})));
    EXPECT_TRUE(client.is_cut_off());
    EXPECT_TRUE(is_served());
}

TEST_F(export_driver, serves_several_clients_at_a_time) {
    attach();
    clients all;
    for (int i = 0; i < 8; ++i)
        ASSERT_TRUE(all.emplace_back(path()).go());
    const auto data = pattern(4096);
    EXPECT_EQ(all.front().write(0, data), 0);
    for (const auto& each : all) {
        bytes back(data.size());
        EXPECT_EQ(each.read(0, back), 0);
        EXPECT_EQ(back, data);
    }
}

TEST_F(export_driver, is_busy_while_a_client_is_connected) {
    attach();
    export_client client(path());
    ASSERT_TRUE(client.go());
    const auto refused = disk->remove();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(disk_errc::busy));
    EXPECT_EQ(client.flush(), 0);
    EXPECT_TRUE(is_served());
    client.leave_rudely();
    EXPECT_TRUE(is_removed());
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_FALSE(export_client(path()).is_connected());
}

TEST_F(export_driver, waits_for_clients_that_are_about_to_leave) {
    restart({.users = std::chrono::seconds(20)});
    attach();
    export_client client(path());
    ASSERT_TRUE(client.go());
    client.disconnect();
    EXPECT_TRUE(disk->remove());
}

// What is under way ends well, what comes then is refused, and then the connection ends; nobody
// else is let in.
TEST_F(export_driver, dismisses_its_clients) {
    restart({.users = milliseconds(50), .refused = milliseconds(300)});
    attach();
    export_client client(path());
    ASSERT_TRUE(client.go());
    lun.hold = true;
    EXPECT_TRUE(client.send(export_client::request(0, 0, 512)));
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [this] { return lun.kept == 1; }));
    lun.hold = false;
    disk->dismiss();
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [this] { return !export_client(path()).go(); })
    );
    EXPECT_EQ(client.flush(), 108); // NBD_ESHUTDOWN, and before the answer to the READ
    let_go();
    EXPECT_EQ(client.reply(), 0);
    EXPECT_EQ(client.receive(512).size(), 512U);
    EXPECT_TRUE(client.is_cut_off());
    EXPECT_TRUE(disk->remove()) << "in one attempt";
    EXPECT_EQ(lun.flushes, 1U);
}

TEST_F(export_driver, a_dismissed_client_with_a_lun_that_hangs_is_busy) {
    restart({.users = milliseconds(50), .refused = milliseconds(0), .dismissed = milliseconds(50)});
    attach();
    lun.hold = true;
    export_client client(path());
    ASSERT_TRUE(client.go());
    EXPECT_TRUE(client.send(export_client::request(0, 0, 512)));
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [this] { return lun.kept == 1; }));
    disk->dismiss();
    const auto refused = disk->remove();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(disk_errc::busy));
    lun.hold = false;
    let_go();
    EXPECT_TRUE(is_removed());
}

TEST_F(export_driver, a_dismissed_client_that_reads_nothing_is_cut_off) {
    restart({.users = milliseconds(50), .refused = milliseconds(0), .unread = milliseconds(50)});
    attach();
    export_client client(path());
    ASSERT_TRUE(client.go());
    for (int n = 0; n < 8; ++n)
        EXPECT_TRUE(client.send(export_client::request(0, 0, 512 * 1024)));
    disk->dismiss();
    EXPECT_TRUE(disk->remove());
    EXPECT_EQ(lun.flushes, 1U);
}

TEST_F(export_driver, a_client_that_has_not_said_what_it_wants_is_none) {
    attach();
    const export_client client(path());
    EXPECT_EQ(client.receive(8).size(), 8U);
    EXPECT_TRUE(disk->remove());
    EXPECT_TRUE(client.is_cut_off());
}

TEST_F(export_driver, cuts_off_everybody_when_it_is_destroyed) {
    attach();
    export_client client(path());
    ASSERT_TRUE(client.go());
    disk.reset();
    EXPECT_TRUE(client.is_cut_off());
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(export_driver, closes_more_clients_than_it_takes) {
    attach();
    clients all;
    for (std::size_t i = 0; i < export_server::most_clients; ++i)
        ASSERT_TRUE(all.emplace_back(path()).go());
    EXPECT_FALSE(export_client(path()).go());
    all.front().disconnect();
    EXPECT_TRUE(is_served());
}

TEST_F(export_driver, does_not_wait_for_silent_clients) {
    restart({.handshake = milliseconds(200)});
    attach();
    const export_client silent(path());
    EXPECT_TRUE(is_served());
    EXPECT_TRUE(silent.is_cut_off());
}

TEST_F(export_driver, needs_no_thread_and_one_descriptor_for_a_lun) {
    const auto threads_without = threads();
    const auto descriptors_without = descriptors();
    disks all;
    attach_more(all, 1);
    const auto threads_of_one = threads();
    const auto descriptors_of_one = descriptors();
    attach_more(all, 99);
    EXPECT_EQ(threads(), threads_of_one);
    EXPECT_EQ(descriptors() - descriptors_of_one, 99);
    for (std::size_t i = 0; i < all.size(); i += 33) {
        export_client client(path_of(std::to_string(i)));
        ASSERT_TRUE(client.go());
        EXPECT_EQ(client.flush(), 0);
    }
    all.clear();
    EXPECT_EQ(threads(), threads_without);
    EXPECT_TRUE(wait_until(std::chrono::seconds(20), [descriptors_without] {
        return descriptors() == descriptors_without;
    })) << "a connection may be closed later than its disk";
    EXPECT_TRUE(fs::is_empty(folder + "/nbd"));
}

// As many as there may be: half of them say nothing, the others half of what they must.
TEST_F(export_driver, lets_nobody_wait_for_those_who_hang_in_a_negotiation) {
    disks all;
    attach_more(all, 2);
    clients hanging;
    for (std::size_t i = 0; i < export_server::most_clients; ++i) {
        const auto& client = hanging.emplace_back(path_of("0"));
        EXPECT_TRUE(client.send(bytes(6 * (i % 2), std::byte{0})));
    }
    export_client client(path_of("1"));
    ASSERT_TRUE(client.go());
    EXPECT_EQ(client.flush(), 0);
    EXPECT_TRUE(all.front()->remove()) << "nobody of them is a user";
    for (const auto& each : hanging)
        EXPECT_TRUE(each.is_cut_off());
    EXPECT_EQ(client.flush(), 0);
    EXPECT_TRUE(export_client(path_of("1")).go());
}

TEST_F(export_driver, lets_nobody_wait_for_those_who_come_without_an_end) {
    disks all;
    attach_more(all, 2);
    std::atomic<bool> is_enough{false};
    std::atomic<unsigned> came{0};
    auto crowd = std::async(std::launch::async, [&] {
        for (; !is_enough; ++came)
            export_client(path_of("0")).leave_rudely();
    });
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [&came] { return came > 100; }));
    for (int i = 0; i < 10; ++i) {
        export_client client(path_of("1"));
        EXPECT_TRUE(client.go());
        EXPECT_EQ(client.flush(), 0);
    }
    is_enough = true;
    crowd.wait();
}

TEST_F(export_driver, lets_no_server_wait_for_the_end_of_another) {
    restart({.users = milliseconds(0), .lane = std::chrono::seconds(20)});
    disks all;
    attach_more(all, 2);
    lun.hold = true;
    export_client client(path_of("0"));
    ASSERT_TRUE(client.go());
    EXPECT_TRUE(client.send(export_client::request(0, 0, 512)));
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [this] { return lun.kept == 1; }));
    auto ended = std::async(std::launch::async, [&all] { all.front().reset(); });
    EXPECT_TRUE(client.is_cut_off());
    export_client other(path_of("1"));
    EXPECT_TRUE(other.go());
    EXPECT_EQ(ended.wait_for(milliseconds(0)), std::future_status::timeout);
    lun.hold = false;
    let_go();
    ended.wait();
    EXPECT_EQ(other.flush(), 0);
}

TEST_F(export_driver, takes_clients_when_there_are_descriptors_again) {
    attach();
    // A thread's first memory costs a descriptor for a moment (malloc counts the processors).
    export_client first(path());
    ASSERT_TRUE(first.go());
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const iscsid::os::descriptor next(::dup(STDERR_FILENO));
    rlimit none_left = before;
    none_left.rlim_cur = static_cast<rlim_t>(next.number()) + 2;
    ::setrlimit(RLIMIT_NOFILE, &none_left);
    export_client client(path());
    ASSERT_TRUE(client.is_connected());
    EXPECT_EQ(::dup(STDERR_FILENO), -1) << "this tests nothing";
    const bool is_greeted = client.has_something_within(milliseconds(50));
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_FALSE(is_greeted);
    EXPECT_TRUE(client.go());
}

TEST_F(export_driver, leaves_a_file_that_has_taken_the_place_of_its_own) {
    attach();
    fs::rename(path(), path() + ".away");
    std::ofstream(path()) << "another's";
    EXPECT_TRUE(is_removed());
    EXPECT_TRUE(fs::exists(path()));
}

TEST_F(export_driver, does_not_wait_for_a_lun_that_hangs) {
    restart({.users = milliseconds(50), .lane = milliseconds(50), .flush = milliseconds(50)});
    attach();
    lun.hold = true;
    export_client client(path());
    ASSERT_TRUE(client.go());
    EXPECT_TRUE(client.send(export_client::request(0, 0, 512)));
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [this] { return lun.kept == 1; }));
    client.leave_rudely();
    EXPECT_TRUE(export_client(path()).go());
    EXPECT_EQ(error_of_removal(), iscsi::to_error_code(disk_errc::flush_failed));
    EXPECT_FALSE(fs::exists(path()));
    let_go();
}

TEST_F(export_driver, flushes_what_clients_left_in_the_cache) {
    attach();
    ASSERT_TRUE(is_served());
    EXPECT_TRUE(is_removed());
    EXPECT_EQ(lun.flushes, 1U);
}

TEST_F(export_driver, flushes_nothing_where_nothing_was_written) {
    attach();
    EXPECT_TRUE(disk->remove());
    EXPECT_TRUE(disk->remove()) << "and has nothing to do again";
    EXPECT_EQ(lun.flushes, 0U);
}

// Whether there is a cache only the lane knows, for it may have been switched on meanwhile.
TEST_F(export_driver, flushes_and_offers_flushes_whatever_the_lun_said_at_first) {
    auto without_cache = unit();
    without_cache.write_cache_enabled = false;
    attach(without_cache);
    {
        export_client client(path());
        ASSERT_TRUE(client.go());
        constexpr unsigned flush_and_fua = 0x00c;
        EXPECT_EQ(client.info().flags & flush_and_fua, flush_and_fua);
    }
    ASSERT_TRUE(is_served());
    EXPECT_TRUE(is_removed());
    EXPECT_EQ(lun.flushes, 1U);
}

TEST_F(export_driver, shows_write_protection_to_new_clients) {
    attach();
    for (const bool is_read_only : {true, false}) {
        auto changed = unit();
        changed.read_only = is_read_only;
        EXPECT_TRUE(disk->set_read_only(changed));
        export_client client(path());
        ASSERT_TRUE(client.go());
        EXPECT_EQ((client.info().flags & 0x002U) != 0, is_read_only);
    }
}

TEST_F(export_driver, says_that_a_flush_failed) {
    attach();
    ASSERT_TRUE(is_served());
    lun.fail_flush = EIO;
    EXPECT_EQ(error_of_removal(), iscsi::to_error_code(disk_errc::flush_failed));
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(export_driver, shows_a_new_size_to_new_clients) {
    attach();
    auto larger = unit();
    larger.block_count = 2 * unit().block_count;
    EXPECT_TRUE(disk->resize(larger));
    export_client client(path());
    ASSERT_TRUE(client.go());
    EXPECT_EQ(client.info().size, 2 * size);
    larger.block_count = 0;
    EXPECT_FALSE(disk->resize(larger));
}

TEST_F(export_driver, is_for_its_owner_only) {
    attach();
    EXPECT_EQ(mode_of(path()), 0600U);
    EXPECT_EQ(mode_of(folder + "/nbd"), 0700U);
}

TEST_F(export_driver, gives_a_second_disk_of_a_lun_a_name_of_its_own) {
    attach();
    auto second = try_attach();
    ASSERT_TRUE(second);
    EXPECT_TRUE(export_client(folder + "/nbd/iqn.x:y-lun-1-2.sock").go());
    EXPECT_TRUE(is_served());
}

TEST_F(export_driver, replaces_the_socket_of_a_dead_daemon) {
    fs::create_directory(folder + "/nbd");
    { // bound, and nobody listens
        const iscsid::os::descriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(
            ::bind(dead.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0
        );
    }
    attach();
    EXPECT_EQ(mode_of(path()), 0600U);
    EXPECT_TRUE(is_served());
    fs::create_hard_link(path(), folder + "/nbd/dead.sock");
    restart();
    EXPECT_TRUE(fs::exists(path())) << "it is alive";
    disk.reset();
    restart();
    EXPECT_TRUE(fs::is_empty(folder + "/nbd"));
}

TEST_F(export_driver, takes_names_that_no_address_has_room_for) {
    const std::string long_name = "iqn.2026-01.org.example:" + std::string(199, 'x'); // 223
    auto made = try_attach(unit(), long_name);
    ASSERT_TRUE(made) << made.error().text();
    const std::string whole = folder + "/nbd/" + long_name + "-lun-1.sock";
    EXPECT_EQ(mode_of(whole), 0600U);
    fs::create_symlink(whole, folder + "/short");
    EXPECT_TRUE(export_client(folder + "/short").go());
}

TEST_F(export_driver, says_what_it_cannot_serve) {
    const auto slash = try_attach(unit(), "iqn.x:../y");
    ASSERT_FALSE(slash);
    EXPECT_EQ(slash.error().code, iscsi::to_error_code(disk_errc::attach_failed));
    EXPECT_FALSE(try_attach(unit(), std::string(300, 'x')));
    for (const std::uint32_t block_size : {0U, 256U, 520U, 131072U}) {
        auto odd = unit();
        odd.block_size = block_size;
        EXPECT_FALSE(try_attach(odd)) << block_size;
    }
    fs::create_directory(folder + "/nbd");
    fs::create_directory(path());
    EXPECT_FALSE(try_attach()) << "a folder is in its place";
    EXPECT_TRUE(fs::exists(path()));
}

TEST(export_of, shows_what_the_lun_can) {
    auto lun = unit();
    lun.physical_block_size = 8192;
    auto shown = export_of("x", lun);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->size, size);
    EXPECT_EQ(shown->block_size, 512U);
    EXPECT_EQ(shown->preferred_block_size, 8192U);
    EXPECT_EQ(shown->largest_request, 32U << 20U);
    // HAS_FLAGS, FLUSH, FUA, ROTATIONAL, TRIM, WRITE_ZEROES, CAN_MULTI_CONN
    EXPECT_EQ(transmission_flags_of(*shown), 0b1'0111'1101);
    lun = {};
    lun.block_count = 1;
    lun.block_size = 4096;
    lun.rotational = false;
    shown = export_of("x", lun);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->preferred_block_size, 4096U);
    // A cache may be switched on later: FLUSH and FUA are always told.
    EXPECT_EQ(transmission_flags_of(*shown), 0b1'0100'1101);
}

} // namespace
