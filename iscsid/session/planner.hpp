#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/session/busy_poll.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/isns_registrations.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/node_records.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/recent_challenges.hpp"
#include "iscsid/session/results.hpp"
#include "iscsid/session/secret_file.hpp"

#include "libiscsi/admin/config.hpp"

#include <memory>

namespace iscsid::session {

// What may change while the daemon runs: read again on SIGHUP, used for what comes next.
struct current_settings {
    iscsi::admin::config config;
    iscsi::admin::initiator_identity identity; // empty name: there is none
};

// Makes plans of records and iscsid.conf, and adds what the sessions of this daemon share. Failures
// have the exit codes of open-iscsi: login (5) without an initiator name, transport_not_found (12),
// invalid (7), login_auth_failed (24) without a secret that the record keeps in a file.
class planner {
  public:
    planner(const environment& with, current_settings settings);

    void use(current_settings settings);

    const current_settings& settings() const { return settings_; }

    // For other threads: see there.
    const node_records& records() const { return records_; }

    // `index`: which of the node's sessions, from 0. Where records are kept in memory the next
    // daemon finds this one there.
    outcome<login_plan> plan_login(const iscsi::admin::record& node, unsigned index) const;

    // For the session of a disk that an earlier daemon has left. It must go on: without its record
    // the settings of iscsid.conf hold, and the default instead of a bad value. Without a secret
    // that is in a file no login gets through until the record is taken over anew. A record in
    // memory goes before the database, which may be on the very disk.
    outcome<login_plan> plan_again(const device::disk_state& left) const;

    // daemon_not_connected (20) without an initiator name, as open-iscsi has it for discovery. Each
    // has an ISID of its own, for several may be under way at one portal.
    outcome<discovery_plan>
    plan_discovery(const discovery_request& what, const discovery_records& read) const;

    // The same of records that were read already.
    outcome<discovery_plan>
    plan_discovery(const iscsi::admin::record& settings, const iscsi::admin::record& interface)
        const;

  private:
    outcome<login_plan> plan_without_files(const iscsi::admin::record& node, unsigned index) const;
    outcome<login_plan> plan_on(const iscsi::admin::record& node, unsigned index) const;
    outcome<login_plan> plan_left(const device::disk_state& left) const;
    iscsi::negotiation_mode negotiation() const;
    iscsi::admin::record template_for(const iscsi::admin::node_id& node) const;
    iscsi::admin::record settings_for(const discovery_request& what) const;

    node_records records_;
    current_settings settings_;
    mutable unsigned discoveries_ = 0; // that were planned, for their ISIDs
    std::shared_ptr<bounded_read> secret_reads_ =
        std::make_shared<bounded_read>(patience_with_secrets);
    std::shared_ptr<recent_challenges> challenges_ = std::make_shared<recent_challenges>();
    std::shared_ptr<isns_registrations> registrations_;
    std::shared_ptr<busy_poll> polls_;
};

} // namespace iscsid::session
