#include "iscsid/session/discovery_answer.hpp"

#include "libiscsi/base/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <net/if.h>

#include <algorithm>
#include <array>
#include <utility>

namespace iscsid::session {

namespace ip = boost::asio::ip;

namespace {

std::string address_at(const std::string& host, const discovery_place& place) {
    boost::system::error_code is_name;
    const auto address = ip::make_address(host, is_name);
    if (is_name)
        return host;
    if (address.is_unspecified())
        return place.host;
    const bool needs_zone =
        address.is_v6() && address.to_v6().is_link_local() && host.find('%') == std::string::npos;
    return needs_zone && !place.zone.empty() ? host + "%" + place.zone : host;
}

} // namespace

std::string zone_of(const iscsi::net::endpoint& peer, const std::string& device) {
    const auto address = peer.address();
    std::array<char, IF_NAMESIZE> name{};
    const bool has_zone = address.is_v6() && address.to_v6().is_link_local() &&
                          ::if_indextoname(address.to_v6().scope_id(), name.data()) != nullptr;
    return has_zone ? std::string(name.data()) : device;
}

// RFC 7143 Appendix C: no TargetAddress means the portal that was asked.
std::vector<discovered_portal>
portals_of(const iscsi::targets_found& answer, const discovery_place& place) {
    std::vector<discovered_portal> all;
    for (const auto& target : answer.targets) {
        if (target.portals.empty())
            all.push_back({target.name, place.host, place.port, -1});
        for (const auto& each : target.portals) {
            const int tag = each.group_tag ? int{*each.group_tag} : -1;
            all.push_back({target.name, address_at(each.host, place), each.port, tag});
        }
    }
    return all;
}

std::vector<std::string>
lines_of_refused(const iscsi::targets_found& answer, const discovery_place& place) {
    std::vector<std::string> lines;
    for (const auto& refused : answer.refused)
        lines.push_back(fmt::format("discovery at {}: left out: {}", place.host, refused.text()));
    if (answer.more_refused > 0)
        lines.push_back(
            fmt::format("discovery at {}: {} more left out", place.host, answer.more_refused)
        );
    return lines;
}

std::optional<iscsi::fault> take_unreadable(iscsi::targets_found& answer) {
    const auto is_no_text = [](const iscsi::fault& why) {
        return why.code.category() == iscsi::enum_category<iscsi::text_errc>::instance();
    };
    const auto found = std::ranges::find_if(answer.refused, is_no_text);
    if (!answer.targets.empty() || found == answer.refused.end())
        return std::nullopt;
    auto why = std::move(*found);
    answer.refused.erase(found);
    return why;
}

// read_send_targets() names it behind the field.
std::set<std::string> targets_of_refused(const iscsi::targets_found& answer) {
    constexpr std::string_view before = " of ";
    std::set<std::string> targets;
    if (answer.more_refused > 0)
        targets.insert("");
    for (const auto& refused : answer.refused) {
        const auto found = refused.field.find(before);
        targets.insert(
            found == std::string::npos ? "" : refused.field.substr(found + before.size())
        );
    }
    return targets;
}

} // namespace iscsid::session
