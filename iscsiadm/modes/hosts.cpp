#include "iscsiadm/modes/hosts.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

namespace iscsi::cli {

namespace {

using addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

addresses look_up(const std::string& host, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
        found = nullptr;
    return {found, ::freeaddrinfo};
}

// With its zone, if it has one: two links have the same addresses.
std::string canonical_text(const addrinfo& of) {
    std::array<char, NI_MAXHOST> text{};
    const auto failed = ::getnameinfo(
        of.ai_addr, of.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST
    );
    return failed != 0 ? std::string() : std::string(text.data());
}

bool is_numeric(const std::string& host) {
    return look_up(host, AI_NUMERICHOST) != nullptr;
}

} // namespace

bool host_comparison::same(const std::string& one, const std::string& other) {
    if (one == other)
        return true;
    const auto& these = addresses_of(one);
    const auto& those = addresses_of(other);
    return std::ranges::any_of(these, [&those](const auto& each) { return those.contains(each); });
}

// An address is its own only one; a name that does not resolve has none.
const std::set<std::string>& host_comparison::addresses_of(const std::string& host) {
    const auto [place, is_new] = known_.try_emplace(host);
    if (!is_new)
        return place->second;
    const auto found = look_up(host, is_numeric(host) ? AI_NUMERICHOST : AI_ADDRCONFIG);
    for (const auto* each = found.get(); each != nullptr; each = each->ai_next)
        place->second.insert(canonical_text(*each));
    return place->second;
}

} // namespace iscsi::cli
