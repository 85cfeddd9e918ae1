#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <string>

namespace iscsid::ipc {

// Where the replies to one call go.
// The seam between verbs and socket: tests collect replies here.
class reply_sink {
  public:
    virtual ~reply_sink() = default;

    // `continues`: more replies to this call follow. False: the client is gone, or does not read.
    virtual boost::asio::awaitable<bool> reply(boost::json::object parameters, bool continues) = 0;
    virtual boost::asio::awaitable<bool>
    fail(std::string error, boost::json::object parameters) = 0;
};

} // namespace iscsid::ipc
