// Runs a program in a place where io_uring is refused, as container run-times refuse it: by
// seccomp.
//   without-io-uring EPERM|ENOSYS PROGRAM [ARGUMENT…]

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace {

// seccomp(2): the filter outlives execve and holds for every child.
bool refuse_io_uring(unsigned error) {
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_io_uring_register, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{.len = program.size(), .filter = program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view word = argc > 2 ? argv[1] : "";
    if (word != "EPERM" && word != "ENOSYS") {
        std::fputs("usage: without-io-uring EPERM|ENOSYS PROGRAM [ARGUMENT…]\n", stderr);
        return 2;
    }
    if (!refuse_io_uring(word == "EPERM" ? EPERM : ENOSYS)) {
        std::perror("without-io-uring: seccomp");
        return 1;
    }
    execvp(argv[2], argv + 2);
    std::perror("without-io-uring: execvp");
    return 1;
}
