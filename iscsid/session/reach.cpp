#include "iscsid/session/reach.hpp"

#include "libiscsi/admin/portal_text.hpp"
#include "libiscsi/base/hex.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <ifaddrs.h>
#include <netpacket/packet.h>

#include <memory>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;

const char* category_name(reach_errc /*unused*/) {
    return "reach";
}

std::string_view message_of(reach_errc what) {
    switch (what) {
    case reach_errc::no_such_device:
        return "no network device has this address";
    }
    return "unknown";
}

namespace {

// Lower-case digits with colons, as ip(8) prints them; records may have either case.
std::string hardware_address_of(const sockaddr& from) {
    if (from.sa_family != AF_PACKET)
        return {};
    sockaddr_ll link{};
    std::memcpy(&link, &from, sizeof link);
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(link.sll_halen, sizeof link.sll_addr); ++i) {
        if (i > 0)
            text += ':';
        text += iscsi::hex_of(link.sll_addr[i], 2);
    }
    return text;
}

template <class Plan>
// A network device by name wins over one by hardware address, as in open-iscsi's interface records.
iscsi::result<net::connect_options> bound_options_of(const Plan& plan) {
    net::connect_options options;
    options.timeout = plan.session.timeouts.login;
    options.device = plan.net_device;
    if (options.device.empty() && !plan.hardware_address.empty()) {
        auto device = device_of_hardware_address(plan.hardware_address);
        if (device.has_error())
            return device.error();
        options.device = *std::move(device);
    }
    return options;
}

} // namespace

// Asked anew for each connection: the device may have come back under another name.
iscsi::result<std::string> device_of_hardware_address(const std::string& address) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return iscsi::fault{{errno, boost::system::system_category()}, "getifaddrs", {}, {}};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next)
        if (each->ifa_addr != nullptr &&
            boost::algorithm::iequals(hardware_address_of(*each->ifa_addr), address))
            return std::string(each->ifa_name);
    return iscsi::fault{
        iscsi::to_error_code(reach_errc::no_such_device), "iface.hwaddress", address, {}};
}

// The buffers are sized for data only in normal sessions; a discovery takes what the system gives.
iscsi::result<net::connect_options> options_of(const login_plan& plan) {
    auto options = bound_options_of(plan);
    if (options)
        options->window_size = plan.window_size;
    return options;
}

iscsi::result<net::connect_options> options_of(const discovery_plan& plan) {
    return bound_options_of(plan);
}

asio::awaitable<iscsi::result<net::connected>>
// The login timeout bounds the name and, again, the connection: a slow name must not leave none for
// it.
reach(iscsi::portal to, net::connect_options options, asio::any_io_executor resolvers) {
    auto addresses = co_await net::resolve(to.host, to.port, std::move(resolvers), options.timeout);
    if (addresses.has_error())
        co_return addresses.error();
    co_return co_await net::connect(*std::move(addresses), std::move(options));
}

std::string to_text(const iscsi::portal& where) {
    return iscsi::admin::portal_text(where.host, where.port);
}

// The group tag is no part of an address.
iscsi::portal portal_of(const iscsi::admin::node_id& node) {
    return {node.address, node.port, std::nullopt};
}

} // namespace iscsid::session
