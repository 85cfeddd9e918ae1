#pragma once

#include "iscsid/session/outcome.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/record.hpp"
#include "libiscsi/core/parameters.hpp"
#include "libiscsi/names/portal.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace iscsid::session {

class busy_poll;
class isns_registrations;

// Everything that the login and the life of one session need to know: a node record, read once.
struct login_plan {
    iscsi::admin::node_id node;
    iscsi::session_config session;
    std::uint32_t window_size = 0;
    std::string net_device;       // bind to this one, empty: any
    std::string hardware_address; // or to the one with this address
    int initial_login_retry_max = 4;
    int reopen_max = 0; // 0: never give up
    bool scan = true;
    unsigned sessions = 1; // that a login makes of the record

    // Of a session of an earlier daemon: whether its target knows it by another name or ISID, and
    // so leaves its old tasks alone.
    bool may_be_unknown = false;

    // Hears of each try of the first login that fails, in place of the log. May be missing.
    std::function<void(const failure&)> hears_failures{};

    std::shared_ptr<busy_poll> polls{}; // of this daemon's sockets. May be missing.
};

enum class plan_errc { no_initiator_name = 1, transport_not_supported, bad_target_name };

const char* category_name(plan_errc);
std::string_view message_of(plan_errc);

// A value of iscsid.replay_barrier.
iscsi::barrier_policy replay_barrier_of(std::string_view word);

// `index`: which of the node's sessions this is, from 0. Faults: plan_errc.
iscsi::result<login_plan> plan_login(
    const iscsi::admin::record& node,
    const iscsi::admin::initiator_identity& identity,
    unsigned index
);

// A discovery as its record wants it: a discovery session, or a question to an iSNS server, which
// of `session` needs no more than the initiator's name.
struct discovery_plan {
    iscsi::admin::source_kind kind = iscsi::admin::source_kind::send_targets;
    iscsi::session_config session;
    std::string host;
    std::uint16_t port = iscsi::iscsi_port;
    std::string net_device; // as in login_plan
    std::string hardware_address;
    int reopen_max = 5;
    iscsi::duration answer_timeout = std::chrono::seconds(30);
    bool is_repeated = false; // what is wrong with an answer is for the note taker alone
    // The target of each entry of the answer that is left out; empty: of one that is not known.
    std::function<void(std::string)> hears_left_out{};
    std::shared_ptr<isns_registrations> registrations{}; // of this daemon, with iSNS servers
};

// `interface`: its initiator name and network device are used, if it has such.
iscsi::result<discovery_plan> plan_discovery(
    const iscsi::admin::record& settings,
    const iscsi::admin::record& interface,
    const iscsi::admin::initiator_identity& identity
);

// For the target discoveries are different sessions if their kinds or their numbers differ: those
// that may be under way at one portal at a time. A plan is made with "discovery" and 0.
void set_isid(discovery_plan& plan, const char* kind, unsigned number, std::string_view isid_seed);

} // namespace iscsid::session
