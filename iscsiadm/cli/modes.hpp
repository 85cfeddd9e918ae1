#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a command line asks for: one struct per mode, and a variant of them.
namespace iscsi::cli {

// -p: "ip[:port][,tpgt]", "[v6][:port][,tpgt]", a bare IPv6 address, or a host name.
struct portal {
    std::string address;
    std::uint16_t port = 3260;
    std::optional<int> group_tag; // unset when it was not given
    friend bool operator==(const portal&, const portal&) = default;
};

// -n NAME -v VALUE, in the order of the command line.
using assignments = std::vector<std::pair<std::string, std::string>>;

// -o may be given several times.
struct operations {
    bool create = false; // -o new
    bool remove = false; // -o delete
    bool update = false;
    bool show = false;
    bool nonpersistent = false;
    bool apply = false;
    bool apply_all = false;
    bool login = false;
    bool logout = false;

    bool none() const { return *this == operations{}; }

    friend bool operator==(const operations&, const operations&) = default;
};

enum class discovery_type : std::uint8_t { send_targets, isns, firmware };

// The words of -L and -U.
enum class startup : std::uint8_t { all, manual, automatic, onboot };

// `discovery` runs with a record that is made anew; `discoverydb` keeps the stored one.
struct discovery_mode {
    bool database = false; // -m discoverydb
    std::optional<discovery_type> type;
    std::optional<portal> where;
    std::vector<std::string> interfaces;
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    bool discover = false;
    bool login = false;
    bool reveal = false;
};

struct node_mode {
    std::optional<std::string> target;
    std::optional<portal> where;
    std::optional<std::string> interface;
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    std::optional<startup> login_all, logout_all;
    bool login = false;
    bool logout = false;
    bool rescan = false;
    bool statistics = false;
    bool wait = true;
    bool reveal = false;
};

struct session_mode {
    std::optional<std::string> which; // -r: a session id, or a path
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    bool logout = false;
    bool rescan = false;
    bool statistics = false;
    bool reveal = false;
};

struct iface_mode {
    std::optional<std::string> name;
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    std::optional<std::string> submode; // -C ping
};

struct host_mode {
    std::optional<std::string> which; // -H: a number, or a hardware address
    std::optional<int> print_level;
    std::optional<std::string> submode; // -C chap, flashnode, stats
};

struct fw_mode {
    bool login = false;
};

struct stop_daemon {};

struct show_usage {};

struct show_version {};

using any_mode = std::variant<
    discovery_mode,
    node_mode,
    session_mode,
    iface_mode,
    host_mode,
    fw_mode,
    stop_daemon,
    show_usage,
    show_version>;

struct command_line {
    any_mode what;
    int debug_level = 0;
    std::vector<std::string> ignored; // words that belong to no option
};

} // namespace iscsi::cli
