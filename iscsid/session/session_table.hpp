#pragma once

#include "iscsid/session/live_session.hpp"
#include "iscsid/session/login_interest.hpp"

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace iscsid::session {

// The sessions of the daemon by number, and what can be asked about those of one node, which costs
// the same however many sessions of others there are. Nodes are compared by their path: a portal
// group tag may become known later. Lives on the control thread.
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

    // Of those that are established, how many are on their way out.
    std::size_t being_ended(const iscsi::admin::node_id& node) const;

    // Whether an established session leads to this target, by whatever portal, and is not on its
    // way out.
    bool is_reached(std::string_view target) const;

    // All of the node, the oldest first.
    std::vector<pointer> of(const iscsi::admin::node_id& node) const;

    // The oldest session of the node whose login is under way and not being ended, but none of
    // these; else null.
    pointer in_login(
        const iscsi::admin::node_id& node, const std::set<lane::session_key>& but_none_of
    ) const;

    // Indexes are used again, so that a session that comes back has the ISID that it had.
    unsigned free_index(const iscsi::admin::node_id& node) const;

  private:
    // The order of admin::is_same_path().
    struct by_path {
        bool
        operator()(const iscsi::admin::node_id& left, const iscsi::admin::node_id& right) const;
    };

    using by_node_map = std::multimap<iscsi::admin::node_id, pointer, by_path>;

    // clang 14 does not compile std::ranges::subrange of libstdc++ 12.
    struct sessions_of_node {
        by_node_map::const_iterator first, last;

        auto begin() const { return first; }

        auto end() const { return last; }
    };

    sessions_of_node range_of(const iscsi::admin::node_id& node) const;

    template <class Condition>
    std::size_t count(const iscsi::admin::node_id& node, Condition holds) const;

    std::map<lane::session_key, pointer> sessions_;
    by_node_map by_node_;
    std::map<lane::session_key, login_interest> interests_; // one for each
};

} // namespace iscsid::session
