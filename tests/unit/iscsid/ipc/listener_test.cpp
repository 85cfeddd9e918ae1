#include "iscsid/ipc/listener.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace {

using namespace iscsid::ipc;

struct listening : testing::Test {
    listening() {
        std::string name = testing::TempDir() + "listener.XXXXXX";
        folder = ::mkdtemp(name.data());
        path = folder / "run" / "iscsid.sock";
    }

    ~listening() override { std::filesystem::remove_all(folder); }

    sockaddr_un address() const {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.string().copy(to.sun_path, sizeof to.sun_path - 1);
        return to;
    }

    // 0: nobody.
    pid_t listening_process() const {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto to = address();
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
            static_cast<void>(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
        ::close(fd);
        return peer.pid;
    }

    bool answers() const {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto to = address();
        const bool connected =
            ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
        ::close(fd);
        return connected;
    }

    std::filesystem::path folder;
    std::filesystem::path path;
};

TEST_F(listening, makes_a_private_socket_and_removes_it) {
    {
        const auto made = listener::open(path, "");
        ASSERT_TRUE(made.has_value()) << made.error().text();
        EXPECT_TRUE(answers());

        struct stat about {};

        ASSERT_EQ(::stat(path.c_str(), &about), 0);
        EXPECT_EQ(about.st_mode & 0777U, 0600U);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(listening, a_second_one_is_refused_and_changes_nothing) {
    const auto first = listener::open(path, "");
    const auto second = listener::open(path, "");
    ASSERT_TRUE(second.has_error());
    EXPECT_EQ(second.error().code, iscsi::to_error_code(listen_errc::already_running));
    EXPECT_EQ(second.error().field, path.string());
    EXPECT_TRUE(answers());
}

TEST_F(listening, what_a_killed_daemon_left_is_replaced) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path.string()) << "old";
    std::ofstream(path.string() + ".lock") << "";
    const auto made = listener::open(path, "");
    ASSERT_TRUE(made.has_value()) << made.error().text();
    EXPECT_TRUE(answers());
}

TEST_F(listening, the_next_one_may_come_when_the_first_is_gone) {
    { const auto first = listener::open(path, ""); }
    EXPECT_TRUE(listener::open(path, "").has_value());
}

// Whoever connects can then see whether the daemon, not systemd, is stopped.
TEST_F(listening, on_the_socket_of_systemd_shows_its_own_process) {
    std::filesystem::create_directories(path.parent_path());
    const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto to = address();
    ASSERT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    ASSERT_EQ(::listen(made, 1), 0);
    const pid_t daemon = ::fork();
    if (daemon == 0) { // as systemd starts it
        ::dup2(made, 3);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        const auto taken = listener::open(path, "");
        ::_exit(taken.has_value() && listening_process() == ::getpid() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
    ::close(made);
    EXPECT_EQ(status, 0);
}

TEST_F(listening, a_path_that_does_not_fit_is_a_fault) {
    const auto made = listener::open(folder / std::string(120, 'x'), "");
    ASSERT_TRUE(made.has_error());
    EXPECT_EQ(made.error().code, iscsi::to_error_code(listen_errc::path_too_long));
}

TEST_F(listening, a_group_that_does_not_exist_is_a_fault) {
    const auto made = listener::open(path, "no-such-group-here");
    ASSERT_TRUE(made.has_error());
    EXPECT_EQ(made.error().code, iscsi::to_error_code(listen_errc::no_such_group));
}

TEST_F(listening, members_of_the_group_may_connect) {
    const auto made = listener::open(path, "root");
    if (made.has_error())
        GTEST_SKIP() << "needs root: " << made.error().text();

    struct stat about {};

    ASSERT_EQ(::stat(path.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0660U);
}

TEST_F(listening, replaces_no_file_that_is_no_socket) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "mine";
    const auto refused = listener::open_own(path, "");
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, iscsi::to_error_code(listen_errc::cannot_listen));
    EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

} // namespace
