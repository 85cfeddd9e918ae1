#include "iscsiadm/start/interruption.hpp"

#include <csignal>
#include <initializer_list>

namespace iscsi::start {

namespace {

volatile std::sig_atomic_t noted = 0; // NOLINT(*-avoid-non-const-global-variables): of a handler

extern "C" void note_signal(int number) {
    noted = number;
}

} // namespace

void note_interruptions() {
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction before {};

        if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler == SIG_IGN)
            continue;

        struct sigaction action {};

        action.sa_handler = note_signal;
        action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
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
