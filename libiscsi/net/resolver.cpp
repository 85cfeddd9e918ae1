#include "libiscsi/net/resolver.hpp"

#include "libiscsi/net/pending.hpp"

#include <boost/asio/ip/address.hpp>

#include <net/if.h>
#include <netdb.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace iscsi::net {

namespace asio = boost::asio;

const char* category_name(resolve_errc /*unused*/) {
    return "resolve";
}

std::string_view message_of(resolve_errc what) {
    switch (what) {
    case resolve_errc::unresolvable:
        return "host name does not resolve";
    case resolve_errc::too_slow:
        return "no answer from the name service";
    case resolve_errc::no_such_zone:
        return "no such network device";
    }
    return "unknown";
}

namespace {

// By name or by number.
bool is_zone(const std::string& zone) {
    if (::if_nametoindex(zone.c_str()) != 0)
        return true;
    unsigned index = 0;
    const auto* const end = zone.data() + zone.size();
    std::array<char, IF_NAMESIZE> name{};
    const auto [stop, error] = std::from_chars(zone.data(), end, index);
    return error == std::errc() && stop == end && ::if_indextoname(index, name.data()) != nullptr;
}

// A zone that is not there would be read as none, and the connection go anywhere or nowhere.
std::optional<fault> missing_zone(const std::string& host) {
    const auto percent = host.find('%');
    if (percent == std::string::npos || is_zone(host.substr(percent + 1)))
        return std::nullopt;
    return fault{to_error_code(resolve_errc::no_such_zone), host, host.substr(percent + 1), {}};
}

// getaddrinfo promises families that fit into a sockaddr_storage.
endpoint endpoint_of(const addrinfo& from) {
    endpoint to;
    to.resize(from.ai_addrlen);
    std::memcpy(to.data(), from.ai_addr, from.ai_addrlen);
    return to;
}

// No AI_ADDRCONFIG: with it a host without a route would hide the address that a route is about to
// come for.
result<endpoints> resolve_blocking(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (error != 0)
        return fault{to_error_code(resolve_errc::unresolvable), host, ::gai_strerror(error), {}};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    endpoints found;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next)
        found.push_back(endpoint_of(*each));
    return found;
}

} // namespace

std::optional<endpoint> numeric_endpoint(const std::string& host, std::uint16_t port) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error)
        return std::nullopt;
    return endpoint(address, port);
}

asio::awaitable<result<endpoints>>
resolve(std::string host, std::uint16_t port, asio::any_io_executor workers, duration limit) {
    if (const auto missing = missing_zone(host))
        co_return *missing;
    if (const auto numeric = numeric_endpoint(host, port))
        co_return endpoints{*numeric};
    // Copies: the caller may be gone before the name service answers.
    auto ask = [host, port] { return resolve_blocking(host, port); };
    auto found = co_await run_blocking(std::move(workers), std::move(ask), limit);
    if (!found)
        co_return fault{to_error_code(resolve_errc::too_slow), host, {}, {}};
    co_return *std::move(found);
}

std::string to_text(const endpoint& from) {
    const std::string address = from.address().to_string();
    const std::string port = std::to_string(from.port());
    return from.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

} // namespace iscsi::net
