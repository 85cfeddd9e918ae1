#pragma once

#include "iscsid/ipc/verbs.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

namespace iscsid::ipc {

// How long a client may take.
struct patience {
    std::chrono::milliseconds message = std::chrono::seconds(10); // from its first byte to its NUL
    std::chrono::milliseconds reply = std::chrono::seconds(10);   // to take one reply
    std::chrono::milliseconds idle = std::chrono::minutes(10);    // between two calls
};

// One client: reads its calls, serves one after the other, and notices when it hangs up.
// One object per client, alive as long as its run(). Calls are served one after the other, as
// Varlink wants it; their order is that of the wire.
class connection : public reply_sink {
  public:
    connection(
        boost::asio::local::stream_protocol::socket socket,
        peer who,
        verbs& methods,
        patience limits
    );

    // Until the client hangs up, breaks the rules, or has no more time.
    boost::asio::awaitable<void> run();

    // False when the client has not taken it within its patience; whoever serves then stops
    // telling.
    boost::asio::awaitable<bool> reply(boost::json::object parameters, bool continues) override;
    boost::asio::awaitable<bool> fail(std::string error, boost::json::object parameters) override;

  private:
    // Reads ahead, so that a hang-up is noticed while a call is served.
    boost::asio::awaitable<void> read_calls();
    boost::asio::awaitable<void> serve_calls();
    boost::asio::awaitable<void> serve_one(std::string text);
    boost::asio::awaitable<std::size_t> read_some(std::span<char> into);
    boost::asio::awaitable<bool> send(iscsi::admin::varlink_reply reply);
    void start_patience();
    void give_up(std::string_view why);

    using call_channel =
        boost::asio::experimental::channel<void(boost::system::error_code, std::string)>;

    boost::asio::local::stream_protocol::socket socket_;
    peer who_;
    verbs& methods_;
    patience limits_;
    boost::asio::steady_timer read_limit_;
    call_channel calls_;
    iscsi::admin::varlink_splitter splitter_;
    bool serving_ = false;
    bool oneway_ = false;
};

} // namespace iscsid::ipc
