#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>

namespace iscsi::test {

// Runs a coroutine to its end on the context, with a bound.
template <class T>
T run(boost::asio::io_context& on, boost::asio::awaitable<T> job) {
    std::optional<T> value;
    std::exception_ptr thrown;
    bool over = false;
    boost::asio::co_spawn(
        on,
        [](boost::asio::awaitable<T> inner, std::optional<T>& to) -> boost::asio::awaitable<void> {
            to.emplace(co_await std::move(inner));
        }(std::move(job), value),
        [&](std::exception_ptr error) {
            thrown = std::move(error);
            over = true;
        }
    );
    on.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!over && std::chrono::steady_clock::now() < end)
        on.run_one_for(std::chrono::milliseconds(100));
    if (!over)
        throw std::runtime_error("the coroutine did not end in time");
    if (thrown)
        std::rethrow_exception(thrown);
    return *std::move(value);
}

} // namespace iscsi::test
