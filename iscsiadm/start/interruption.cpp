#include "iscsiadm/start/interruption.hpp"

#include <atomic>
#include <csignal>
#include <ctime>
#include <initializer_list>

namespace iscsi::start {

namespace {

// NOLINTBEGIN(*-avoid-non-const-global-variables): of a handler
volatile std::sig_atomic_t noted = 0;
std::atomic<std::time_t> noted_at = 0;
// NOLINTEND(*-avoid-non-const-global-variables)

static_assert(std::atomic<std::time_t>::is_always_lock_free, "a handler uses it");

std::time_t seconds_since_boot() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

// timeout(1) and shells send one signal to the process and the same to its group.
extern "C" void note_signal(int number) {
    constexpr std::time_t as_one = 2;
    if (noted == 0) {
        noted_at = seconds_since_boot();
        noted = number;
    } else if (seconds_since_boot() - noted_at > as_one) {
        static_cast<void>(std::signal(number, SIG_DFL));
        static_cast<void>(std::raise(number)); // comes when this returns
    }
}

} // namespace

void note_interruptions() {
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction before {};

        if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler == SIG_IGN)
            continue;

        struct sigaction action {};

        action.sa_handler = note_signal;
        action.sa_flags = SA_RESTART;
        ::sigaction(number, &action, nullptr);
    }
}

bool is_interrupted() {
    return noted != 0;
}

void end_as_interrupted() {
    static_cast<void>(std::signal(noted, SIG_DFL));
    static_cast<void>(std::raise(noted));
}

} // namespace iscsi::start
