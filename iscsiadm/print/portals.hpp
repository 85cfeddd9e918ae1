#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <string>
#include <string_view>
#include <vector>

// Every function here and in the other files of this folder gives whole lines in open-iscsi's
// words, without side effects.
namespace iscsi::cli {

// Blank fields of flat lists and records.
inline constexpr std::string_view blank = "<empty>";

std::string_view or_blank(std::string_view text);

// An address without a dot stands in brackets: IPv6, but also a bare host name.
std::string bracketed(std::string_view address);

// "10.9.9.1:3260,1"; an unknown tag is 4294967295 in flat lists and -1 in trees.
std::string flat_portal(std::string_view address, std::uint16_t port, int group_tag);
std::string tree_portal(std::string_view address, std::uint16_t port, int group_tag);

// "iface: default, target: …, portal: 10.9.9.1,3260", as in the messages of login and delete.
std::string record_words(const admin::node_id& node);

// "10.9.9.1:3260,1 iqn.2020-01.test:t1" a line.
std::string flat_nodes(const std::vector<admin::node_id>& nodes);

// Target, portal and interface below each other. `-m node` repeats the portal for every interface,
// discovery does not.
enum class repeat_portal : bool { no, yes };
std::string node_tree(const std::vector<admin::node_id>& nodes, repeat_portal repeat);

// "10.9.9.1:3260 via sendtargets", "10.9.9.1:3205 via isns", a line each.
std::string flat_discoveries(const std::vector<admin::discovery_id>& discoveries);

// The records of each discovery source, by kind: `-m discovery -P 1`.
struct discovery_branch {
    admin::discovery_id source;
    std::vector<admin::node_id> nodes;
};

std::string discovery_tree(
    const std::vector<discovery_branch>& sources,
    const std::vector<admin::node_id>& fixed,
    const std::vector<admin::node_id>& firmware
);

} // namespace iscsi::cli
