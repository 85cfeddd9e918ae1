#pragma once

#include <chrono>
#include <functional>

namespace iscsid::disk {

// Asks again and again, at growing intervals, until the answer is yes (true) or time is up (false).
bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& condition);

} // namespace iscsid::disk
