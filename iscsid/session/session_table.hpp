#pragma once

#include "iscsid/session/live_session.hpp"
#include "iscsid/session/login_interest.hpp"

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace iscsid::session {

// The sessions of the daemon by number, and what can be asked about those of one node. Nodes are
// compared by their path: a portal group tag may become known later. Lives on the control thread.
class session_table {
  public:
    using pointer = std::shared_ptr<live_session>;

    // Null when there is none.
    pointer find(lane::session_key sid) const;

    void add(const pointer& session, boost::asio::any_io_executor control);
    void forget(lane::session_key sid);

    // Of a session that is there.
    login_interest& interest(lane::session_key sid) { return interests_.at(sid); }

    const std::map<lane::session_key, pointer>& all() const { return sessions_; }

    // Of the node: those whose login has succeeded, and with those whose login is under way. A
    // login that has failed counts for nothing while its rest is cleared away.
    std::size_t established(const iscsi::admin::node_id& node) const;
    std::size_t present(const iscsi::admin::node_id& node) const;

    // All of the node.
    std::vector<pointer> of(const iscsi::admin::node_id& node) const;

    // The oldest session of the node whose login is under way, but none of these; else null.
    pointer in_login(
        const iscsi::admin::node_id& node, const std::set<lane::session_key>& but_none_of
    ) const;

    // Indexes are used again, so that a session that comes back has the ISID that it had.
    unsigned free_index(const iscsi::admin::node_id& node) const;

  private:
    std::map<lane::session_key, pointer> sessions_;
    std::map<lane::session_key, login_interest> interests_; // one for each
};

} // namespace iscsid::session
