#include "iscsid/process_end.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <future>
#include <thread>
#include <utility>

namespace iscsid {

process_end::~process_end() {
    if (!is_due_)
        return;
    spdlog::shutdown();
    ::_exit(0);
}

bool ends_within(boost::asio::thread_pool& pool, std::chrono::milliseconds patience) {
    pool.stop();
    std::promise<void> joined;
    const auto is_joined = joined.get_future();
    std::thread([&pool, joined = std::move(joined)]() mutable {
        pool.join();
        joined.set_value();
    }).detach();
    return is_joined.wait_for(patience) == std::future_status::ready;
}

} // namespace iscsid
