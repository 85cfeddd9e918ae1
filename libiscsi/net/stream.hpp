#pragma once

#include <boost/asio/generic/stream_protocol.hpp>

namespace iscsi::net {

// A connected byte stream: TCP in life, a socket pair in tests.
using stream = boost::asio::generic::stream_protocol::socket;

} // namespace iscsi::net
