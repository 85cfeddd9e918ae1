#include "iscsid/disk/kernel/left_behind.hpp"
#include "iscsid/disk/kernel/server.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

// iscsid-disk-helper: does for iscsid what waits for iscsid's own disks. Only iscsid starts it,
// with a socket as descriptor 3; it ends when that is closed, and no signal of a terminal or of a
// service manager ends it before: iscsid needs it to take its disks down. Its argument, if any, is
// the folder of the mounts of disks: what a dead daemon leaves there is let go of at the end.
int main(int count, char** words) {
    constexpr int socket = STDERR_FILENO + 1;
    ::close_range(socket + 1, ~0U, 0); // above all /dev/fuse, should the daemon have leaked it
    ::prctl(PR_SET_NAME, "iscsid-disk");
    for (const int each : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
        static_cast<void>(std::signal(each, SIG_IGN));
    // Present from now on: nothing is read from a disk that perhaps is one of iscsid's. Containers
    // may refuse it.
    ::mlockall(MCL_CURRENT | MCL_FUTURE);
    try {
        iscsid::disk::helper_server server{iscsid::os::descriptor(socket)};
        if (!server.run()) {
            static_cast<void>(std::fputs("iscsid-disk-helper: only iscsid starts this\n", stderr));
            return 1;
        }
        server.end_jobs();
        if (count > 1)
            iscsid::disk::let_go_when_unlocked(words[1]);
        return 0;
    } catch (const std::exception& broken) {
        static_cast<void>(std::fprintf(stderr, "iscsid-disk-helper: %s\n", broken.what()));
    }
    return 1;
}
