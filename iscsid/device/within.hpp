#pragma once

#include "iscsid/device/scan_limits.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace iscsid::device {

// Waits for `work`, but not longer than `limit`. Nothing: the time was over first, and the work has
// been cancelled and has ended.
template <class T>
boost::asio::awaitable<std::optional<T>>
within(iscsi::duration limit, const scan_clock& clock, boost::asio::awaitable<T> work) {
    using boost::asio::experimental::awaitable_operators::operator||;
    auto first = co_await (std::move(work) || clock.sleep(limit));
    if (first.index() == 1)
        co_return std::nullopt;
    co_return std::get<0>(std::move(first));
}

} // namespace iscsid::device
