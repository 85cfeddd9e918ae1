#include "tests/integration/disk/ring_parameter.hpp"
#include "tests/support/allocations.hpp"
#include "tests/unit/iscsid/disk/export_client.hpp"
#include "tests/unit/iscsid/lane/lane_fixture.hpp"

#include "iscsid/disk/export_driver.hpp"
#include "iscsid/disk/fuse_driver.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <filesystem>
#include <iostream>

// What a read of 4 KiB costs the thread of the lane, from the client of a disk to the socket of the
// target and back: system calls, sleeps and allocations. Counts, not times, so they hold on any
// machine; the target and the clients have threads of their own.
namespace {

using namespace iscsid;
using lane::test::answer;
using lane::test::the_session;
using test::bytes;

constexpr std::size_t block = 4096;
constexpr std::size_t reads = 4096;

// A guest of the lane's thread, which sees what that has done.
class witness final : public lane::lane_resident {
  public:
    struct counts {
        std::uint64_t calls = 0;
        std::uint64_t sleeps = 0;
        std::uint64_t allocations = 0;
    };

    void start(lane::ring& io, lane::lun_port& /*port*/) override { io_ = &io; }

    void leave(std::function<void()> gone) override { gone(); }

    counts seen(lane::lane& where) const {
        answer<counts> now;
        where.post([this, tell = now.callback()] {
            rusage usage{};
            ::getrusage(RUSAGE_THREAD, &usage);
            tell(
                {io_->system_calls(),
                 static_cast<std::uint64_t>(usage.ru_nvcsw),
                 test::allocations_of_this_thread()}
            );
        });
        return now.wait();
    }

  private:
    lane::ring* io_ = nullptr;
};

// Of the lane, for each read.
struct cost {
    double calls = 0;
    double sleeps = 0;
    double allocations = 0;
};

class disk_ledger : public lane::test::lane_fixture {
  protected:
    disk_ledger() {
        std::string name = std::filesystem::temp_directory_path() / "ledger.XXXXXX";
        folder = ::mkdtemp(name.data());
    }

    ~disk_ledger() override { std::filesystem::remove_all(folder); }

    void SetUp() override {
        lane_fixture::SetUp();
        if (engine == nullptr || IsSkipped())
            return;
        adopt();
        engine->attach(the_session, {}, properties(), eyes);
        wait_for_lane();
    }

    std::unique_ptr<disk::disk> attach(disk::driver& by) {
        disk::disk_request what;
        what.session = the_session;
        what.target_name = "iqn.2026-11.org.example:memory";
        what.properties = properties();
        auto made = by.attach(*engine, what);
        EXPECT_TRUE(made) << made.error().text();
        return made ? std::move(*made) : nullptr;
    }

    void expect_of_fuse(disk::ring_wish wish, std::array<double, 2> most);

    // `load` reads that often. The first time is not counted: buffers grow to what they need.
    template <class Load>
    cost measure(std::size_t depth, Load load) {
        EXPECT_TRUE(load(reads / 4));
        const auto before = eyes.seen(*engine);
        EXPECT_TRUE(load(reads));
        const auto after = eyes.seen(*engine);
        const auto each = [](std::uint64_t now, std::uint64_t then) {
            return static_cast<double>(now - then) / double{reads};
        };
        const cost of_read{
            each(after.calls, before.calls),
            each(after.sleeps, before.sleeps),
            each(after.allocations, before.allocations)};
        std::cout << engine->ring_name() << ", depth " << depth << ": " << of_read.calls
                  << " system calls, " << of_read.sleeps << " sleeps, " << of_read.allocations
                  << " allocations for each read\n";
        return of_read;
    }

    // Within `calls` with io_uring. Epoll tries before it waits, and needs a call for each
    // direction: how many depends on who is quicker. Sleeps are among the calls. Nothing is
    // allocated for a read, but perhaps for what the lane was asked meanwhile.
    void expect(const cost& of_read, double calls) const {
        EXPECT_LE(of_read.calls, GetParam() ? 10 * calls : calls);
        EXPECT_LE(of_read.sleeps, of_read.calls);
        EXPECT_LT(of_read.allocations, 0.01);
    }

    std::string folder;
    witness eyes;
};

bool read_by(const test::export_client& client, std::size_t count, std::size_t depth) {
    bytes asked;
    for (std::size_t n = 0; n < depth; ++n) {
        const auto one = test::export_client::request(0, n * block, block);
        asked.insert(asked.end(), one.begin(), one.end());
    }
    const std::size_t answered = depth * (16 + block);
    for (std::size_t round = 0; round < count / depth; ++round)
        if (!client.send(asked) || client.receive(answered).size() != answered)
            return false;
    return true;
}

TEST_P(disk_ledger, a_read_of_an_exported_lun) {
    const auto driver = disk::make_export_driver(folder);
    const auto disk = attach(*driver);
    ASSERT_NE(disk, nullptr);
    for (const auto& each : {std::pair{1U, 2.1}, std::pair{32U, 0.5}}) {
        test::export_client client(folder + "/nbd/iqn.2026-11.org.example:memory-lun-0.sock");
        ASSERT_TRUE(client.go());
        const auto load = [&](auto count) { return read_by(client, count, each.first); };
        expect(measure(each.first, load), each.second);
        client.disconnect();
    }
    EXPECT_TRUE(disk->remove());
}

// Each of the threads has one read under way.
bool read_by_threads(const std::string& node, std::size_t count, std::size_t depth) {
    std::vector<std::future<bool>> readers;
    for (std::size_t n = 0; n < depth; ++n)
        readers.push_back(std::async(std::launch::async, [&node, count, depth, n] {
            const os::descriptor file(::open(node.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
            std::vector<std::byte> room(2 * block);
            void* begin = room.data();
            std::size_t space = room.size();
            std::align(block, block, begin, space);
            for (std::size_t round = 0; round < count / depth; ++round)
                if (::pread(file.number(), begin, block, static_cast<off_t>(n * block)) !=
                    ssize_t{block})
                    return false;
            return true;
        }));
    return std::ranges::all_of(readers, [](auto& each) { return each.get(); });
}

// Of a disk of fuse, with the most calls at depth 1 and 32; nothing where there is none.
void disk_ledger::expect_of_fuse(disk::ring_wish wish, std::array<double, 2> most) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: mounts and loop devices";
    auto helper = disk::helper::start(ISCSID_DISK_HELPER);
    ASSERT_TRUE(helper) << helper.error().text();
    if (const auto here = disk::fuse_is_here(**helper); !here)
        GTEST_SKIP() << here.error().text();
    const auto driver = disk::make_fuse_driver(**helper, folder, {.ring = wish});
    const auto disk = attach(*driver);
    ASSERT_NE(disk, nullptr);
    EXPECT_EQ(disk->remark(), "");
    const auto node = "/dev/" + disk->node();
    for (const auto& each : {std::pair{1U, most[0]}, std::pair{32U, most[1]}}) {
        const auto load = [&](auto count) { return read_by_threads(node, count, each.first); };
        expect(measure(each.first, load), each.second);
    }
    EXPECT_TRUE(disk->remove());
}

TEST_P(disk_ledger, a_read_of_a_fuse_disk) {
    expect_of_fuse(disk::ring_wish::no, {2.1, 1.1});
}

TEST_P(disk_ledger, a_read_of_a_fuse_disk_by_io_uring) {
    if (GetParam() || !test::ring_parameter::is_there())
        GTEST_SKIP() << "needs io_uring, and Linux 6.14 with a parameter that can be set";
    const test::ring_parameter offered(true);
    expect_of_fuse(disk::ring_wish::yes, {2.1, 1.1});
}

INSTANTIATE_TEST_SUITE_P(Rings, disk_ledger, ::testing::Bool(), [](const auto& what) {
    return what.param ? "epoll" : "io_uring";
});

} // namespace
