#include "iscsid/boot_daemon.hpp"
#include "iscsid/sys/pid_file.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace {

namespace fs = std::filesystem;
using iscsid::sys::pid_file;

struct boot_folder : testing::Test {
    boot_folder() {
        std::string name = testing::TempDir() + "boot-daemon.XXXXXX";
        where.runtime = ::mkdtemp(name.data());
        where.database = where.runtime / "db";
        fs::create_directories(where.boot_folder());
    }

    ~boot_folder() override { fs::remove_all(where.runtime); }

    // A process that has the PID file, as a daemon of the initramfs has, until it gets SIGTERM.
    pid_t start_holder() const {
        std::array<int, 2> ready{};
        EXPECT_EQ(::pipe(ready.data()), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            const auto held = pid_file::take(where.boot_pid_file());
            static_cast<void>(::write(ready[1], "", held.has_value() ? 1 : 0));
            ::close(ready[1]);
            for (;;)
                ::pause();
        }
        ::close(ready[1]);
        char word = 0;
        EXPECT_EQ(::read(ready[0], &word, 1), 1);
        ::close(ready[0]);
        return child;
    }

    iscsi::admin::locations where;
};

TEST_F(boot_folder, has_no_daemon_without_a_file) {
    EXPECT_FALSE(iscsid::relieve_boot_daemon(where));
}

// What another process has the number of now must not be hit.
TEST_F(boot_folder, has_no_daemon_when_nobody_holds_the_file) {
    const pid_t stranger = ::fork();
    if (stranger == 0)
        for (;;)
            ::pause();
    std::ofstream(where.boot_pid_file()) << stranger << '\n';
    EXPECT_FALSE(iscsid::relieve_boot_daemon(where));
    EXPECT_EQ(::waitpid(stranger, nullptr, WNOHANG), 0);
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
}

TEST_F(boot_folder, has_a_daemon_that_ends_when_it_is_relieved) {
    const pid_t holder = start_holder();
    EXPECT_TRUE(iscsid::relieve_boot_daemon(where));
    int status = 0;
    EXPECT_EQ(::waitpid(holder, &status, 0), holder);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    EXPECT_FALSE(iscsid::relieve_boot_daemon(where));
}

TEST_F(boot_folder, has_records_once_a_session_was_begun) {
    EXPECT_FALSE(iscsid::boot_records(where));
    fs::create_directories(where.boot_folder() / "nodes");
    EXPECT_TRUE(iscsid::boot_records(where));
    where.database = where.boot_folder(); // as the daemon of the initramfs itself has it
    EXPECT_FALSE(iscsid::boot_records(where));
}

TEST_F(boot_folder, has_a_copy_of_the_seed) {
    fs::create_directories(where.boot_folder() / "system");
    const std::string seed(32, 'a');
    std::ofstream(where.boot_folder() / "system" / ".isid-seed") << seed << '\n';
    EXPECT_EQ(iscsid::system_isid_seed(where), seed);
    where.database = where.boot_folder();
    EXPECT_EQ(iscsid::system_isid_seed(where), "");
}

} // namespace
