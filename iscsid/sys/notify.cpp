#include "iscsid/sys/notify.hpp"

#include <systemd/sd-daemon.h>

#include <ctime>

namespace iscsid::sys {

namespace {

void tell(const std::string& state) {
    static_cast<void>(::sd_notify(0, state.c_str()));
}

} // namespace

void notify_ready(const std::string& status) {
    tell("READY=1\nSTATUS=" + status);
}

void notify_status(const std::string& status) {
    tell("STATUS=" + status);
}

// MONOTONIC_USEC is what Type=notify-reload wants to tell this reload from an earlier one.
void notify_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() {
    tell("STOPPING=1");
}

void notify_alive() {
    tell("WATCHDOG=1");
}

void notify_watchdog(std::chrono::microseconds limit) {
    tell("WATCHDOG_USEC=" + std::to_string(limit.count()));
}

void notify_extend_timeout(std::chrono::microseconds time) {
    tell("EXTEND_TIMEOUT_USEC=" + std::to_string(time.count()));
}

} // namespace iscsid::sys
