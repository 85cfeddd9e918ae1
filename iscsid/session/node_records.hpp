#pragma once

#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"
#include "iscsid/session/worker_pool.hpp"

#include "libiscsi/admin/record_store.hpp"

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace iscsid::session {

using record_read = outcome<iscsi::admin::record>;
using records_read = std::vector<record_read>;

// What a discovery finds in the database; a failure in place of what cannot be used.
struct discovery_records {
    outcome<iscsi::admin::record> settings; // of the source; empty when its record is not wanted
    outcome<iscsi::admin::record> interface;
};

// The records as they are now: those of the database, and those of an initramfs in memory. May be
// copied and asked on any thread. record_of() and its kind block as long as the disk of the
// database does not answer, and that may be one of ours: the control thread, which is who would
// bring it back, uses read(). Only what an earlier daemon has left is read there, at the start.
class node_records {
  public:
    // All outlive it, and what is read. `in_memory`: nullptr, or see
    // environment::records_in_memory; `readers`: the threads of read().
    node_records(
        const iscsi::admin::record_store* stored,
        iscsi::admin::record_store* in_memory,
        worker_pool* readers
    )
        : stored_(stored), in_memory_(in_memory), readers_(readers) {}

    // record_of(), in order, and records_of(), without blocking who awaits them.
    boost::asio::awaitable<records_read> read(std::vector<iscsi::admin::node_id> nodes) const;
    boost::asio::awaitable<record_read> read(iscsi::admin::node_id node) const;
    boost::asio::awaitable<discovery_records> read(discovery_request what) const;

    // Failures: database (6), no_objects_found (21), invalid (7) with the line of a bad value.
    outcome<iscsi::admin::record> record_of(const iscsi::admin::node_id& node) const;

    // Of the session of a disk that an earlier daemon has left: the one in memory first, for the
    // database may be on the very disk. Bad values are the caller's to leave out.
    outcome<iscsi::admin::record> left_record(const iscsi::admin::node_id& node) const;

    // Failures: database (6), no_objects_found (21), invalid (7).
    discovery_records records_of(const discovery_request& what) const;

    // For the next daemon, where records are kept in memory.
    void remember(const iscsi::admin::record& node) const;

  private:
    outcome<iscsi::admin::record> stored_record(const iscsi::admin::node_id& node) const;
    outcome<iscsi::admin::record> source_of(const discovery_request& what) const;
    outcome<iscsi::admin::record> interface_of(const discovery_request& what) const;

    const iscsi::admin::record_store* stored_;
    iscsi::admin::record_store* in_memory_;
    worker_pool* readers_;
};

} // namespace iscsid::session
