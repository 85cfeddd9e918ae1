#include "iscsid/session/session_table.hpp"

#include <algorithm>
#include <tuple>

namespace iscsid::session {

using iscsi::admin::node_id;

bool session_table::by_path::operator()(const node_id& left, const node_id& right) const {
    return std::tie(left.target, left.address, left.port, left.interface) <
           std::tie(right.target, right.address, right.port, right.interface);
}

session_table::sessions_of_node session_table::range_of(const node_id& node) const {
    const auto [begin, end] = by_node_.equal_range(node);
    return {begin, end};
}

template <class Condition>
std::size_t session_table::count(const node_id& node, Condition holds) const {
    return static_cast<std::size_t>(std::ranges::count_if(range_of(node), [&](const auto& each) {
        return holds(*each.second);
    }));
}

session_table::pointer session_table::find(lane::session_key sid) const {
    const auto found = sessions_.find(sid);
    return found == sessions_.end() ? nullptr : found->second;
}

void session_table::add(const pointer& session, boost::asio::any_io_executor control) {
    sessions_.emplace(session->sid(), session);
    by_node_.emplace(session->node(), session);
    interests_.emplace(session->sid(), login_interest(session, std::move(control)));
}

void session_table::forget(lane::session_key sid) {
    interests_.erase(sid);
    const auto session = find(sid);
    if (!session)
        return;
    const auto same = range_of(session->node());
    by_node_.erase(std::ranges::find(same, session, &by_node_map::value_type::second));
    sessions_.erase(sid);
}

std::size_t session_table::established(const node_id& node) const {
    return count(node, [](const auto& each) { return is_established(each.current_phase()); });
}

std::size_t session_table::present(const node_id& node) const {
    return count(node, [](const auto& each) { return is_listed(each.current_phase()); });
}

std::size_t session_table::being_ended(const node_id& node) const {
    return count(node, [](const auto& each) {
        return each.is_being_ended() && is_established(each.current_phase());
    });
}

std::vector<session_table::pointer> session_table::of(const node_id& node) const {
    std::vector<pointer> all;
    for (const auto& [path, session] : range_of(node))
        all.push_back(session);
    return all;
}

bool session_table::is_reached(std::string_view target) const {
    return std::ranges::any_of(sessions_, [target](const auto& each) {
        const auto& session = *each.second;
        return session.node().target == target && is_established(session.current_phase()) &&
               !session.is_being_ended();
    });
}

session_table::pointer
session_table::in_login(const node_id& node, const std::set<lane::session_key>& but_none_of) const {
    for (const auto& [path, session] : range_of(node)) // the oldest first
        if (is_being_made(session->current_phase()) && !session->is_being_ended() &&
            !but_none_of.contains(session->sid()))
            return session;
    return nullptr;
}

unsigned session_table::free_index(const node_id& node) const {
    std::set<unsigned> taken;
    for (const auto& [path, session] : range_of(node))
        if (is_listed(session->current_phase()))
            taken.insert(session->index());
    unsigned index = 0;
    while (taken.contains(index))
        ++index;
    return index;
}

} // namespace iscsid::session
