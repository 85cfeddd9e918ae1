#pragma once

#include "libiscsi/admin/reservation_words.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a command line asks for: one struct per mode, and a variant of them.
namespace iscsi::cli {

// -p: "ip[:port][,tpgt]", "[v6][:port][,tpgt]", a bare IPv6 address, or a host name.
// An address as a user means it: not resolved, not checked against any record. Not to be mixed up
// with iscsi::portal, whose group tag was told by a target.
struct portal {
    std::string address;
    std::uint16_t port = 3260;
    std::optional<int> group_tag; // unset when it was not given
    bool has_usual_port = false;  // it was not given: iSNS has another one

    friend bool operator==(const portal& one, const portal& other) {
        return one.address == other.address && one.port == other.port &&
               one.group_tag == other.group_tag;
    }
};

// -n NAME -v VALUE, in the order of the command line.
// The order matters: the last of two values for one name wins, and the first refusal is the one
// that is reported.
using assignments = std::vector<std::pair<std::string, std::string>>;

// -o may be given several times.
// The word of each is accepted in every mode, as open-iscsi's parser does; which of them mean
// something is decided by the mode, which refuses the others in its own words.
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
    bool import = false; // of node mode, and ours

    bool none() const { return *this == operations{}; }

    friend bool operator==(const operations&, const operations&) = default;
};

// SLP is a word that open-iscsi knows and refuses; it never gets this far.
enum class discovery_type : std::uint8_t { send_targets, isns, firmware };

// The words of -L and -U.
// `all` is every record for -L and every session with a record for -U. `onboot` is no word of -U:
// what the boot needs is not logged out in bulk.
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

// What selects records (target, where, interface; none of them: all) and what is wished of them. At
// most one of login and logout, and neither together with an operation: parse() refuses the rest.
// Without any wish it is a list, or the record itself when something selects it.
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
    bool keep_trying = false; // with a login only
    bool reveal = false;
    bool dry_run = false; // with a login, a logout or a removal only
};

// --lun with --attach or --detach.
struct lun_order {
    std::uint64_t lun = 0; // as Linux counts
    bool attach = false;   // else detach
};

// What is asked of one LUN about its persistent reservations, or to change them.
struct reservation_wish {
    admin::reserve_verb verb{};
    std::uint64_t lun = 0; // as Linux counts
    std::optional<std::uint64_t> key, new_key, victim_key;
    std::optional<std::uint8_t> type; // the code of SPC-4
};

// With `which` about one session, without it about all of them.
struct session_mode {
    std::optional<std::string> which; // -r: a session id, or a path
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    bool logout = false;
    bool rescan = false;
    bool statistics = false;
    bool reveal = false;
    bool dry_run = false;                          // with a logout or a removal only
    bool fail_io = false;                          // of one session, without another wish
    std::optional<lun_order> one_lun{};            // the same
    bool watch = false;                            // without another wish
    bool metrics = false;                          // the same, of all sessions
    bool luns = false;                             // without another wish
    std::optional<reservation_wish> reservation{}; // the same
};

// About one interface record, or all when no name is given.
struct iface_mode {
    std::optional<std::string> name;
    operations ops;
    assignments changes;
    std::optional<int> print_level;
    std::optional<std::string> submode; // -C ping
    bool has_destination = false;       // -a
};

// A host is an adapter in open-iscsi; here each session counts as one, because scripts ask for
// hosts to find sessions.
struct host_mode {
    std::optional<std::string> which; // -H: a number, or a hardware address
    std::optional<int> print_level;
    std::optional<std::string> submode; // -C chap, flashnode, stats
};

// Targets that the boot firmware names. The changes are for a login.
struct fw_mode {
    bool login = false;
    bool wait = true;
    assignments changes = {};
};

// -k 0. The priority that other values stood for does not exist any more; they are refused.
struct stop_daemon {};

struct show_usage {};

struct show_version {};

// Exactly one of these comes out of a command line that is not refused. A new mode is a struct
// here, a row in parse.cpp and a call operator in modes/run.cpp: the compiler asks for the last.
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
    bool json = false;                 // one document on stdout instead of lines
    std::vector<std::string> warnings; // what was not taken as it was meant
    std::string advice = {};           // the same where open-iscsi says nothing: for people only
};

} // namespace iscsi::cli
