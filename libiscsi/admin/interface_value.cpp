#include "libiscsi/admin/interface_value.hpp"

#include "libiscsi/admin/setting_key.hpp"
#include "libiscsi/admin/words.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace iscsi::admin {

namespace {

fault refuse(setting_key key, std::string_view value, const char* expected) {
    return {
        to_error_code(setting_errc::not_a_choice),
        std::string(key.name()),
        std::string(value),
        expected};
}

result<void> check_initiator_name(std::string_view value) {
    auto good = check_iscsi_name(value);
    if (good)
        return good;
    auto why = good.error();
    why.field = setting_key("iface.initiatorname").name();
    return why;
}

// As the kernel does, but for the colon of an alias.
result<void> check_device(std::string_view value) {
    const bool bad = value == "." || value == ".." ||
                     std::ranges::any_of(value, [](char c) { return c == '/' || is_blank(c); });
    if (bad)
        return refuse("iface.net_ifacename", value, "the name of a network device");
    return {};
}

// The zone of a link-local address is a name of this machine.
result<void> check_address_of_interface(std::string_view value) {
    const std::string address(value.substr(0, value.find('%')));
    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
        ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)
        return {};
    return refuse("iface.ipaddress", value, "an IPv4 or IPv6 address");
}

result<void> check_vlan(std::string_view value) {
    const auto number = to_number<int>(value);
    if (number && *number >= 0 && *number <= 4095)
        return {};
    return refuse("iface.vlan_id", value, "0..4095");
}

// Those of open-iscsi: records of adapters stay usable there.
result<void> check_transport(std::string_view value) {
    constexpr std::array<std::string_view, 9> known{
        "tcp", "iser", "be2iscsi", "bnx2i", "cxgb3i", "cxgb4i", "qla4xxx", "ocs", "qedi"};
    if (std::ranges::find(known, value) != known.end())
        return {};
    return refuse(
        "iface.transport_name", value, "tcp iser be2iscsi bnx2i cxgb3i cxgb4i qla4xxx ocs qedi"
    );
}

struct check_of_key {
    setting_key key;
    result<void> (*check)(std::string_view);
};

constexpr std::array checks{
    check_of_key{"iface.initiatorname", check_initiator_name},
    check_of_key{"iface.net_ifacename", check_device},
    check_of_key{"iface.ipaddress", check_address_of_interface},
    check_of_key{"iface.vlan_id", check_vlan},
    check_of_key{"iface.transport_name", check_transport}};

} // namespace

result<void> check_interface_value(std::string_view key, std::string_view value) {
    if (value.empty() || value == "<empty>" || value == "default")
        return {};
    for (const auto& each : checks)
        if (each.key.name() == key)
            return each.check(value);
    return {};
}

} // namespace iscsi::admin
