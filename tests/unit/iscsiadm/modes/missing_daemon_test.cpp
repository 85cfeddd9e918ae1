#include "iscsiadm/modes/missing_daemon.hpp"

#include "libiscsi/admin/lock_holder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

namespace iscsi::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class missing : public testing::Test {
  protected:
    missing() {
        std::string name = testing::TempDir() + "missing-XXXXXX";
        root = ::mkdtemp(name.data());
        socket = root / "iscsid.sock";
        pid_file = root / "iscsid.pid";
    }

    ~missing() override {
        if (process > 0) {
            ::kill(process, SIGKILL);
            ::waitpid(process, nullptr, 0);
        }
        std::filesystem::remove_all(root);
    }

    // A process named iscsid that has the lock beside the socket.
    void run_daemon() {
        std::array<int, 2> ready{};
        ASSERT_EQ(::pipe(ready.data()), 0);
        process = ::fork();
        ASSERT_GE(process, 0);
        if (process == 0) {
            ::prctl(PR_SET_NAME, "iscsid");
            std::ofstream(socket.string() + ".lock") << "";
            const int lock = ::open((socket.string() + ".lock").c_str(), O_RDWR | O_CLOEXEC);
            ::flock(lock, LOCK_EX);
            ::close(ready[1]);
            ::pause();
        }
        ::close(ready[1]);
        char unused = 0;
        ASSERT_EQ(::read(ready[0], &unused, 1), 0);
        ::close(ready[0]);
    }

    missing_daemon look(const std::string& error) const {
        return look_for_daemon(socket, error, pid_file);
    }

    std::filesystem::path root, socket, pid_file;
    pid_t process = 0;
};

TEST_F(missing, names_the_socket_and_how_to_start_one) {
    EXPECT_THAT(
        look("2").lines(),
        ElementsAre("there is no socket " + socket.string(), StartsWith("it is started by: "))
    );
    EXPECT_EQ(look("111").socket, "nobody listens on the socket " + socket.string());
    EXPECT_EQ(look("36").socket, "the socket " + socket.string() + " cannot be used");
}

TEST_F(missing, names_a_daemon_whose_socket_was_removed) {
    run_daemon();
    const std::string name = "process " + std::to_string(process) + " (iscsid)";
    EXPECT_EQ(look("2").holder, name);
    EXPECT_THAT(
        look("2").lines(),
        ElementsAre(HasSubstr("no socket"), StartsWith(name + " has the lock of this socket: "))
    );
}

TEST_F(missing, names_a_daemon_that_has_another_socket) {
    run_daemon();
    socket = root / "other.sock";
    std::ofstream(pid_file) << process << '\n';
    const std::string name = "process " + std::to_string(process) + " (iscsid)";
    EXPECT_EQ(look("2").holder, "");
    EXPECT_EQ(look("2").other, name);
    EXPECT_THAT(look("2").lines().back(), StartsWith(name + " runs with another socket"));
}

TEST_F(missing, takes_no_other_process_for_a_daemon) {
    std::ofstream(pid_file) << ::getpid() << '\n';
    EXPECT_EQ(look("2").other, "");
    std::ofstream(pid_file) << "no number\n";
    EXPECT_EQ(look("2").other, "");
    std::ofstream(socket.string() + ".lock") << "";
    EXPECT_EQ(look("2").holder, "") << "a lock file that nobody has locked";
}

} // namespace
} // namespace iscsi::cli
