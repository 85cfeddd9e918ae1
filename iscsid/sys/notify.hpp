#pragma once

#include <chrono>
#include <string>

namespace iscsid::sys {

// What systemd is told (sd_notify(3)). Nothing happens when no service manager listens.
// After the socket listens; a unit that depends on us may ask from then on. `status` is the line of
// `systemctl status`.
void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_reloading();
void notify_stopping();

// A sign of life for the watchdog, and how long it waits for the next one from now on: 0 switches
// it off.
void notify_alive();
void notify_watchdog(std::chrono::microseconds limit);

// Starting, running or ending may take that much longer from now on than the unit says.
void notify_extend_timeout(std::chrono::microseconds time);

} // namespace iscsid::sys
