#pragma once

#include <string>

namespace iscsid::sys {

// What systemd is told (sd_notify(3)). Nothing happens when no service manager listens.
void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_reloading();
void notify_stopping();

} // namespace iscsid::sys
