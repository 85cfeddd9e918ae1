#pragma once

#include "iscsiadm/print/portals.hpp"
#include "iscsiadm/print/sessions.hpp"

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/record.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a mode has to show: one struct per list, record and result. A mode knows no form of it, and
// a presenter (presenter.hpp) gives it one. Complaints are none of this: they go to stderr as
// lines.
namespace iscsi::cli {

// What a run is about as a whole: the "kind" of its JSON document.
enum class document_kind : std::uint8_t {
    result, // nothing but whether it went well
    sessions,
    session_statistics,
    hosts,
    nodes,
    node_records,
    discoveries,
    discovery_records,
    interfaces,
    interface_records,
    discovery,
    logins,
    logouts,
    rescans,
    failed_io,
    attached_luns,
    detached_luns,
    session_luns,
    persistent_reservations,
    changes,
    import,
    version,
    usage,
};

// What follows, if anything does, is of this kind. Said before the first of items that come one by
// one, so that none of them is an empty list and not silence.
struct opened {
    document_kind kind{};
};

// ---- lists, each as a whole ----

// `level` is that of -P in each of them, 0 without.
struct shown_sessions {
    std::vector<shown_session> sessions;
    int level = 0;
};

struct statistics_list {
    std::vector<admin::session_info> sessions;
};

struct host_list {
    std::vector<shown_session> sessions;
    int level = 0;
};

struct node_list {
    std::vector<admin::node_id> nodes;
    int level = 0;
};

// `fixed` are the records that no discovery has made, `firmware` those of the boot firmware; empty
// below level 1, and so are the nodes of the branches.
struct discovery_list {
    std::vector<discovery_branch> sources;
    std::vector<admin::node_id> fixed;
    std::vector<admin::node_id> firmware;
    int level = 0;
};

// `nodes` of all interfaces; empty below level 1.
struct interface_list {
    std::vector<admin::record> interfaces;
    std::vector<admin::node_id> nodes;
    int level = 0;
};

// What a portal has answered.
struct found_nodes {
    std::vector<admin::node_id> nodes;
    int level = 0;
};

// ---- records, one by one ----

struct shown_record {
    std::reference_wrapper<const admin::record> record;
    bool reveal = false; // secrets
};

// A target as the boot firmware tells it: settings by their names. Secrets are never shown.
struct shown_firmware {
    std::reference_wrapper<const std::vector<std::pair<std::string, std::string>>> settings;
};

// ---- results, as they come ----

// `planned` in these: it is not done (--dry-run), and no end follows.
struct login_start {
    admin::node_id node;
    bool several = false; // sessions of this record
    bool planned = false;
};

// `present`: nothing was asked for, since all of its sessions are there. `requested`: nobody waits.
enum class login_outcome : std::uint8_t { logged_in, requested, present, failed };

// The complaints about it have been made.
struct login_end {
    admin::node_id node;
    login_outcome outcome{};
    admin::exit_code code = admin::exit_code::success;
    std::uint32_t sid = 0; // 0: none
    std::string detail;    // for people: why it failed
    std::vector<std::string> warnings;
    std::vector<std::string> notes = {}; // what is as it should be, and good to know
};

enum class session_action : std::uint8_t {
    log_out,
    rescan,
    fail_io,
    attach_lun,
    detach_lun,
    describe_luns
};

struct session_start {
    session_action action{};
    admin::session_info session;
    bool planned = false;
};

// Of one that was attached or detached. Without `changed` it was so already.
struct ordered_lun {
    std::uint64_t lun = 0; // as Linux counts
    std::string disk;      // that it is, or was until now; "" without one
    bool changed = false;
};

// `commands`: that have failed, of an end of waiting I/O.
struct session_end {
    session_action action{};
    admin::session_info session;
    admin::exit_code code = admin::exit_code::success;
    std::string detail = {};
    std::vector<std::string> warnings = {};
    std::optional<std::uint64_t> commands = {};
    ordered_lun one_lun = {};
    std::vector<admin::lun_details> luns = {}; // when they were described
};

// What came of a question about the persistent reservations of a LUN, or of a change.
struct reservation_end {
    admin::session_info session;
    admin::reserve_request_message asked;
    admin::reserve_answer_message how;
};

enum class record_action : std::uint8_t { add, update, remove, apply };

// Of one that was added `added` is the record.
struct node_change {
    record_action action{};
    admin::node_id node;
    const admin::record* added = nullptr;
    admin::exit_code code = admin::exit_code::success;
    bool planned = false;
};

// A session that has taken over what its record says.
struct session_change {
    admin::session_info session;
    admin::change_session_answer_message how;
};

struct discovery_change {
    record_action action{};
    admin::discovery_id source;
};

// Without a name all of them are meant.
struct interface_change {
    record_action action{};
    std::optional<std::string> name;
};

struct import_result {
    std::size_t nodes = 0, discoveries = 0, interfaces = 0;
    std::string database;
};

// ---- the program itself ----

struct version_answer {
    std::string compatible_version;
};

struct usage_answer {
    std::string text;
};

using answer = std::variant<
    opened,
    shown_sessions,
    statistics_list,
    host_list,
    node_list,
    discovery_list,
    interface_list,
    found_nodes,
    shown_record,
    shown_firmware,
    login_start,
    login_end,
    session_start,
    session_end,
    reservation_end,
    node_change,
    session_change,
    discovery_change,
    interface_change,
    import_result,
    version_answer,
    usage_answer>;

} // namespace iscsi::cli
