#include "iscsid/disk/flush_nodes.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/server.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace {

using namespace iscsid::disk;
namespace os = iscsid::os;
using namespace std::chrono_literals;

constexpr auto long_enough = 30s;

// A helper as the daemon has it. What hangs is an open of a FIFO that nobody writes to: a request
// to set an attribute of a "node" which is one.
class helper_of_disks : public ::testing::Test {
  protected:
    void SetUp() override {
        auto started = helper::start(ISCSID_DISK_HELPER);
        ASSERT_TRUE(started) << started.error().text();
        helper_ = *std::move(started);
        folder_ = "/tmp/iscsid-helper-test.XXXXXX";
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
    }

    void TearDown() override {
        helper_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
    }

    fields hanging_request() const { return {operation::set, "../.." + folder_, "fifo", "x"}; }

    static fields quick_request() { return {operation::is_held, "no-such-node"}; }

    bool answers() {
        const auto answer = helper_->ask(quick_request(), {long_enough}).results;
        return answer && *answer == fields{"0"};
    }

    // One of its processes does what was asked.
    bool is_at_work() const {
        const auto pid = std::to_string(helper_->process());
        pid_t child = 0;
        return bool(std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child);
    }

    std::string folder_;
    std::unique_ptr<helper> helper_;
};

bool is_disk_errc_of(const iscsi::result<fields>& got, disk_errc expected) {
    return !got && got.error().code == iscsi::to_error_code(expected);
}

TEST_F(helper_of_disks, answers) {
    EXPECT_TRUE(answers());
}

TEST_F(helper_of_disks, refuses_what_it_does_not_know_and_what_is_incomplete) {
    for (const fields& wrong :
         {fields{""},
          fields{"format"},
          fields{operation::set, "nbd0"},
          fields{operation::bind_loop, "file", "x", "1", "0"},
          fields{operation::ublk, "1", "short", "", "1"},
          fields{operation::end_ublk, "ublkb0", "1", "short", "1"},
          fields{operation::connect_nbd, "1"},
          fields{operation::find_nbd, "1"},
          fields{operation::unmount},
          fields{operation::abort, "a", "b"}})
        EXPECT_TRUE(
            is_disk_errc_of(helper_->ask(wrong, {long_enough}).results, disk_errc::helper_failed)
        ) << wrong.front();
    EXPECT_TRUE(answers());
}

TEST_F(helper_of_disks, gives_the_faults_of_the_calls) {
    const auto unbound =
        helper_->ask({operation::bind_loop, "/nonexistent/file", "512", "512", "0"}, {long_enough});
    EXPECT_TRUE(is_disk_errc_of(unbound.results, disk_errc::attach_failed));
    EXPECT_NE(unbound.results.error().field.find("/nonexistent/file"), std::string::npos);
}

TEST_F(helper_of_disks, is_not_waited_for_longer_than_the_limit) {
    const auto answer = helper_->ask(hanging_request(), {20ms});
    EXPECT_TRUE(is_disk_errc_of(answer.results, disk_errc::no_answer));
    EXPECT_TRUE(answer.was_late);
    EXPECT_TRUE(answers());
}

TEST_F(helper_of_disks, gives_what_the_end_of_the_time_brings) {
    os::descriptor reader; // lets the open of the FIFO end
    const auto answer =
        helper_->ask(hanging_request(), {20ms, [&] {
                                             reader = os::descriptor(::open(
                                                 (folder_ + "/fifo").c_str(), O_RDONLY | O_NONBLOCK
                                             ));
                                         }});
    EXPECT_TRUE(answer.was_late);
    ASSERT_TRUE(answer.results) << answer.results.error().text();
    EXPECT_EQ(*answer.results, fields{"1"});
}

TEST_F(helper_of_disks, serves_others_while_one_hangs) {
    std::thread first([this] { helper_->ask(hanging_request(), {5s}); });
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(answers());
    const os::descriptor reader(::open((folder_ + "/fifo").c_str(), O_RDONLY | O_NONBLOCK));
    first.join();
}

TEST_F(helper_of_disks, takes_questions_of_several_threads) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([this] {
            for (int j = 0; j < 10; ++j)
                EXPECT_TRUE(answers());
        });
    for (auto& each : threads)
        each.join();
}

TEST_F(helper_of_disks, that_is_killed_is_started_again) {
    const auto before = helper_->process();
    ::kill(before, SIGKILL);
    EXPECT_TRUE(wait_until(long_enough, [this] { return answers(); }));
    EXPECT_NE(helper_->process(), before);
    EXPECT_TRUE(answers());
}

TEST_F(helper_of_disks, that_is_killed_while_one_waits_is_missed_at_once) {
    std::thread killer([this] {
        wait_until(long_enough, [this] { return is_at_work(); });
        ::kill(helper_->process(), SIGKILL);
    });
    const auto answer = helper_->ask(hanging_request(), {long_enough});
    killer.join();
    EXPECT_FALSE(answer.results);
    EXPECT_FALSE(answer.was_late);
}

TEST_F(helper_of_disks, ignores_the_signals_that_end_services) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        ::kill(helper_->process(), signal);
    const auto before = helper_->process();
    EXPECT_TRUE(answers());
    EXPECT_EQ(helper_->process(), before);
}

// The kernel's NBD client says nothing when it does not take a socket: its closing says it.
TEST_F(helper_of_disks, has_closed_a_socket_when_it_answers) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const os::descriptor ours(ends[0]);
    os::descriptor theirs(ends[1]);
    for (int i = 0; i < 20; ++i)
        helper_->ask(quick_request(), {long_enough}, theirs.number());
    theirs.close();
    char nothing = 0;
    EXPECT_EQ(::recv(ours.number(), &nothing, 1, MSG_DONTWAIT), 0);
}

// ---- flushes side by side ----------------------------------------------------------------------

TEST_F(helper_of_disks, flushes_each_node_and_says_which_failed) {
    std::ofstream(folder_ + "/node") << "as good as a device";
    const auto ends = flush_nodes(
        *helper_, {".." + folder_ + "/node", "no-such-node"}, {long_enough, long_enough, {}}
    );
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_TRUE(ends[0]) << ends[0].error().text();
    ASSERT_FALSE(ends[1]);
    EXPECT_EQ(ends[1].error().code, iscsi::to_error_code(disk_errc::flush_failed));
}

TEST_F(helper_of_disks, waits_for_flushes_only_while_something_moves) {
    ::kill(helper_->process(), SIGSTOP);
    unsigned looks = 0;
    const auto ends = flush_nodes(*helper_, {"a", "b"}, {300ms, long_enough, [&looks] {
                                                             return ++looks < 4 ? looks : 4U;
                                                         }});
    ::kill(helper_->process(), SIGCONT);
    EXPECT_GE(looks, 4U) << "it did not go on while there was progress";
    ASSERT_EQ(ends.size(), 2U);
    for (const auto& end : ends) {
        ASSERT_FALSE(end);
        EXPECT_EQ(end.error().code, iscsi::to_error_code(disk_errc::no_answer));
    }
    EXPECT_TRUE(answers());
}

TEST_F(helper_of_disks, says_who_has_a_device) {
    const os::descriptor open(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    const auto users = users_of_nodes(*helper_, {"no-such-node", "zero"});
    ASSERT_EQ(users.size(), 2U);
    EXPECT_EQ(users[0], "");
    EXPECT_NE(users[1].find("(" + std::to_string(::getpid()) + ")"), std::string::npos) << users[1];
    EXPECT_EQ(users_of_nodes(*helper_, std::vector<std::string>(200, "none")).size(), 200U);
}

TEST(helper, that_is_missing_is_a_fault) {
    const auto missing = helper::start("/nonexistent/iscsid-disk-helper");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, iscsi::to_error_code(disk_errc::helper_failed));
}

TEST(helper, that_is_another_program_is_a_fault) {
    for (const char* other : {"/bin/true", "/etc/passwd"}) {
        const auto started = helper::start(other);
        ASSERT_FALSE(started) << other;
        EXPECT_EQ(started.error().code, iscsi::to_error_code(disk_errc::helper_failed)) << other;
    }
}

} // namespace
