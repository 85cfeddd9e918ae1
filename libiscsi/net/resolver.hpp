#pragma once

#include "libiscsi/base/result.hpp"
#include "libiscsi/core/parameters.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace iscsi::net {

using endpoint = boost::asio::ip::tcp::endpoint;
using endpoints = std::vector<endpoint>;

// too_slow is worth another try: the name service may need the network that is just coming back.
enum class resolve_errc { unresolvable = 1, too_slow, no_such_zone };

const char* category_name(resolve_errc);
std::string_view message_of(resolve_errc);

// A numeric address, IPv4 or IPv6, with a zone id ("fe80::1%eth0") or without.
// Nothing for a name: it needs resolve().
std::optional<endpoint> numeric_endpoint(const std::string& host, std::uint16_t port);

// Every address of a host, in the order of the system's policy (RFC 6724); numeric hosts are
// answered at once. The system's resolver blocks: it runs on `workers`.
// Faults: unresolvable (field: the host, got: the words of getaddrinfo), too_slow, no_such_zone:
// the zone id is no network device of this machine.
boost::asio::awaitable<result<endpoints>>
resolve(std::string host, std::uint16_t port, boost::asio::any_io_executor workers, duration limit);

// "10.0.0.5:3260", "[fe80::1%eth0]:3260".
std::string to_text(const endpoint& from);

} // namespace iscsi::net
