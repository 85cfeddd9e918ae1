#include "iscsid/session/session_table.hpp"

#include <algorithm>

namespace iscsid::session {

using iscsi::admin::node_id;

namespace {

template <class Condition>
std::size_t count(
    const std::map<lane::session_key, session_table::pointer>& sessions,
    const node_id& node,
    Condition holds
) {
    return static_cast<std::size_t>(std::ranges::count_if(sessions, [&](const auto& each) {
        return is_same_path(each.second->node(), node) && holds(each.second->current_phase());
    }));
}

} // namespace

session_table::pointer session_table::find(lane::session_key sid) const {
    const auto found = sessions_.find(sid);
    return found == sessions_.end() ? nullptr : found->second;
}

void session_table::add(const pointer& session, boost::asio::any_io_executor control) {
    sessions_.emplace(session->sid(), session);
    interests_.emplace(session->sid(), login_interest(session, std::move(control)));
}

void session_table::forget(lane::session_key sid) {
    interests_.erase(sid);
    sessions_.erase(sid);
}

std::size_t session_table::established(const node_id& node) const {
    return count(sessions_, node, is_established);
}

std::size_t session_table::present(const node_id& node) const {
    return count(sessions_, node, is_listed);
}

std::vector<session_table::pointer> session_table::of(const node_id& node) const {
    std::vector<pointer> all;
    for (const auto& [sid, session] : sessions_)
        if (is_same_path(session->node(), node))
            all.push_back(session);
    return all;
}

session_table::pointer
session_table::in_login(const node_id& node, const std::set<lane::session_key>& but_none_of) const {
    const auto found = std::ranges::find_if(sessions_, [&](const auto& each) {
        return is_same_path(each.second->node(), node) &&
               is_being_made(each.second->current_phase()) && !but_none_of.contains(each.first);
    });
    return found == sessions_.end() ? nullptr : found->second;
}

unsigned session_table::free_index(const node_id& node) const {
    const auto is_taken = [&](unsigned index) {
        return std::ranges::any_of(sessions_, [&](const auto& each) {
            return is_same_path(each.second->node(), node) &&
                   is_listed(each.second->current_phase()) && each.second->index() == index;
        });
    };
    unsigned index = 0;
    while (is_taken(index))
        ++index;
    return index;
}

} // namespace iscsid::session
