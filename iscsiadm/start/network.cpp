#include "iscsiadm/start/network.hpp"

#include <fmt/core.h>

#include <arpa/inet.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <system_error>

namespace iscsi::start {

namespace {

using target = cli::boot_target;

// One device, by the calls that need no netlink.
class device {
  public:
    device(std::string name, int family)
        : name_(std::move(name)), socket_(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

    ~device() { ::close(socket_); }

    device(const device&) = delete;
    device& operator=(const device&) = delete;
    device(device&&) = delete;
    device& operator=(device&&) = delete;

    bool set_address(const in_addr& address, const in_addr& mask) const;
    bool add_address(const in6_addr& address, unsigned prefix) const;
    bool add_host_route(const in_addr& host, const in_addr& gateway) const;
    bool come_up() const;

  private:
    ifreq request() const;
    bool do_with(unsigned long what, const void* argument) const;

    std::string name_;
    int socket_;
};

ifreq device::request() const {
    ifreq made{};
    name_.copy(made.ifr_name, IFNAMSIZ - 1);
    return made;
}

// What is there already is fine: scripts call twice.
bool device::do_with(unsigned long what, const void* argument) const {
    return ::ioctl(socket_, what, argument) == 0 || errno == EEXIST;
}

void put(sockaddr& to, const in_addr& address) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_addr = address;
    static_assert(sizeof made == sizeof to);
    std::memcpy(&to, &made, sizeof made);
}

bool device::set_address(const in_addr& address, const in_addr& mask) const {
    ifreq change = request();
    put(change.ifr_addr, address);
    if (!do_with(SIOCSIFADDR, &change))
        return false;
    put(change.ifr_netmask, mask);
    return do_with(SIOCSIFNETMASK, &change);
}

bool device::add_address(const in6_addr& address, unsigned prefix) const {
    in6_ifreq change{};
    change.ifr6_addr = address;
    change.ifr6_prefixlen = prefix;
    change.ifr6_ifindex = static_cast<int>(::if_nametoindex(name_.c_str()));
    return do_with(SIOCSIFADDR, &change);
}

bool device::add_host_route(const in_addr& host, const in_addr& gateway) const {
    rtentry route{};
    std::string name = name_;
    put(route.rt_dst, host);
    put(route.rt_gateway, gateway);
    put(route.rt_genmask, in_addr{INADDR_NONE});
    route.rt_flags = RTF_UP | RTF_GATEWAY | RTF_HOST;
    route.rt_dev = name.data();
    return do_with(SIOCADDRT, &route);
}

bool device::come_up() const {
    ifreq change = request();
    if (::ioctl(socket_, SIOCGIFFLAGS, &change) != 0)
        return false;
    change.ifr_flags = static_cast<short>(change.ifr_flags | IFF_UP);
    return do_with(SIOCSIFFLAGS, &change);
}

template <class Address>
bool read_address(int family, const std::string& text, Address& to) {
    return ::inet_pton(family, text.c_str(), &to) == 1;
}

unsigned prefix_of(const target& of, unsigned longest) {
    unsigned length = longest;
    const auto& text = of.prefix_length;
    std::from_chars(text.data(), text.data() + text.size(), length);
    return std::min(length, longest);
}

// By the mask, where the firmware has one, else by the length of its prefix.
in_addr mask_of(const target& of) {
    in_addr mask{};
    if (read_address(AF_INET, of.subnet_mask, mask))
        return mask;
    constexpr unsigned bits = 32;
    const unsigned length = prefix_of(of, bits);
    mask.s_addr = length == 0 ? 0 : htonl(~std::uint32_t{0} << (bits - length));
    return mask;
}

bool set_up_ipv4(const target& of, const in_addr& address) {
    const device wanted(of.network_device, AF_INET);
    const in_addr mask = mask_of(of);
    if (!wanted.set_address(address, mask) || !wanted.come_up())
        return false;
    in_addr gateway{};
    in_addr host{};
    if (!read_address(AF_INET, of.gateway, gateway) || gateway.s_addr == 0 ||
        !read_address(AF_INET, of.portal_address, host))
        return true;
    const bool is_near = (host.s_addr & mask.s_addr) == (address.s_addr & mask.s_addr);
    return is_near || wanted.add_host_route(host, gateway);
}

bool set_up(const target& of) {
    in_addr address{};
    if (read_address(AF_INET, of.address, address))
        return set_up_ipv4(of, address);
    in6_addr long_address{};
    if (!read_address(AF_INET6, of.address, long_address)) {
        errno = EADDRNOTAVAIL;
        return false;
    }
    constexpr unsigned bits = 128;
    const device wanted(of.network_device, AF_INET6);
    return wanted.add_address(long_address, prefix_of(of, bits)) && wanted.come_up();
}

} // namespace

std::vector<std::string> bring_up(const std::vector<target>& targets) {
    std::vector<std::string> failed;
    std::set<std::pair<std::string, std::string>> done; // two targets may share a device
    for (const target& each : targets) {
        if (each.network_device.empty() || each.address.empty())
            continue;
        const bool is_first = done.insert({each.network_device, each.portal_address}).second;
        if (is_first && !set_up(each))
            failed.push_back(fmt::format(
                "{} with {}: {}",
                each.network_device,
                each.address,
                std::generic_category().message(errno)
            ));
    }
    return failed;
}

} // namespace iscsi::start
