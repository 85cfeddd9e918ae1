#pragma once

#include "iscsid/metrics/request.hpp"
#include "iscsid/session/condition.hpp"

#include "libiscsi/metrics/session_metrics.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace iscsid::metrics {

struct http_limits {
    std::size_t connections = 8;
    std::chrono::milliseconds request{10'000}; // to be sent, from its first byte or the last answer
    std::chrono::milliseconds response{10'000}; // to be taken
    std::chrono::milliseconds age{250};         // of a text that is given again
};

// GET /metrics on a listening unix socket. Lives on the control thread, and must outlive the
// executor's last turn: connections refer to it.
class http_server {
  public:
    using observer =
        std::function<boost::asio::awaitable<std::optional<iscsi::metrics::observation>>()>;

    http_server(
        const boost::asio::any_io_executor& control,
        int listening_socket,
        observer observe,
        http_limits limits
    );

    // Takes no more connections; those that are there end with the executor.
    void stop();

  private:
    using stream = boost::asio::local::stream_protocol::socket;
    using shared_text = std::shared_ptr<const std::string>;

    // Of one form, and since when.
    struct kept_text {
        shared_text text;
        std::chrono::steady_clock::time_point made{};
    };

    boost::asio::awaitable<void> accept_all();
    boost::asio::awaitable<void> serve(stream client);
    boost::asio::awaitable<void> serve_requests(stream& client);
    boost::asio::awaitable<bool> answer(stream& client, const request& what);
    boost::asio::awaitable<shared_text> text_in(iscsi::metrics::form how);

    boost::asio::local::stream_protocol::acceptor acceptor_;
    observer observe_;
    http_limits limits_;
    std::size_t open_ = 0;
    std::array<kept_text, 2> texts_;
    bool is_observing_ = false;
    session::condition observed_;
};

} // namespace iscsid::metrics
