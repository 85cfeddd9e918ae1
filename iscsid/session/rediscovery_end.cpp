#include "iscsid/session/log_subject.hpp"
#include "iscsid/session/rediscovery.hpp"
#include "iscsid/session/rediscovery_source.hpp"

#include <algorithm>

// What becomes of nodes that a source names no more.
namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;

// What another source would name is not known until its first poll has ended.
bool rediscovery::is_one_unasked(const source& but) const {
    return std::ranges::any_of(sources_, [&but](const auto& each) {
        return each.second.get() != &but && !each.second->has_asked;
    });
}

rediscovery::source_pointer
rediscovery::other_that_names(const admin::node_id& node, const source& but) const {
    const auto path = path_of(node);
    for (const auto& [id, each] : sources_)
        if (each.get() != &but && each->known.contains(path))
            return each;
    return nullptr;
}

asio::awaitable<void> rediscovery::drop(source_pointer what, nodes gone) {
    if (!gone.empty() && is_one_unasked(*what)) {
        what->waits_for_others = true;
        co_return; // the next answer does not have them either
    }
    co_await hand_over(what, gone);
    std::set<admin::node_id> remembered;
    for (const auto& id : gone)
        if (what->remembered.contains(path_of(id)))
            remembered.insert(path_of(id));
    what->remembered = std::move(remembered);
    std::erase_if(gone, [&](const auto& id) { return what->remembered.contains(path_of(id)); });
    auto ended = co_await log_out_of(what, std::move(gone));
    for (const auto& id : ended)
        for (const auto& [source_id, each] : sources_)
            each->known.erase(path_of(id)); // who names it again logs in to it
    std::erase_if(ended, [&](const auto& id) { return other_that_names(id, *what) != nullptr; });
    if (!ended.empty())
        co_await remove(what, std::move(ended));
}

// Takes out of `gone` what others name.
asio::awaitable<void> rediscovery::hand_over(source_pointer what, nodes& gone) {
    new_sources given;
    std::vector<std::string> told;
    for (const auto& id : gone)
        if (const auto other = other_that_names(id, *what)) {
            given.emplace(id, other->id);
            told.push_back(fmt::format(
                "{}: {} names it no more, {} does: it stays", full_name(id), what->name, other->name
            ));
        }
    if (given.empty())
        co_return;
    std::erase_if(gone, [&given](const auto& id) { return given.contains(id); });
    const auto give = [records = with_.records, from = what->id, given] {
        return give_nodes(*records, from, given);
    };
    const auto done = co_await run_on(*with_.workers, give);
    if (done.has_error())
        what->failed(done.error().reason);
    else
        what->told_given.tell(spdlog::level::info, what->name, told, now());
}

// Gives back those that have no session any more.
asio::awaitable<rediscovery::nodes> rediscovery::log_out_of(source_pointer what, nodes gone) {
    nodes ended;
    std::set<admin::node_id> kept;
    std::vector<std::string> told;
    for (const auto& id : gone) {
        if (stopped_)
            co_return nodes();
        if (other_that_names(id, *what)) // since its turn came
            continue;
        const auto why_not = co_await log_out(id);
        if (why_not.empty()) {
            ended.push_back(id);
            continue;
        }
        kept.insert(path_of(id));
        if (!what->kept.contains(path_of(id)))
            told.push_back(fmt::format(
                "{}: {} names it no more, but it stays: {}", full_name(id), what->name, why_not
            ));
    }
    what->kept = std::move(kept);
    what->told_kept.tell(spdlog::level::warn, what->name, told, now());
    co_return ended;
}

asio::awaitable<void> rediscovery::remove(source_pointer what, nodes ended) {
    const auto remove = [records = with_.records, ended] { return remove_nodes(*records, ended); };
    const auto kept = co_await run_on(*with_.workers, remove);
    if (kept.has_error()) {
        what->failed(kept.error().reason);
        co_return;
    }
    std::vector<std::string> told;
    for (const auto& id : ended) {
        const bool stays = kept->contains(id);
        if (stays)
            what->remembered.insert(path_of(id));
        told.push_back(fmt::format(
            "{}: {} names it no more, its record {}",
            full_name(id),
            what->name,
            stays ? "stays with what users have set in it" : "is removed"
        ));
    }
    what->told_removed.tell(spdlog::level::info, what->name, told, now());
}

// Of all its sessions. Why not, for people; empty: there is none any more.
asio::awaitable<std::string> rediscovery::log_out(admin::node_id node) {
    keeper_.end(node);
    for (const auto& session : sessions_.sessions_of(node)) {
        const auto how = co_await session->log_out(live_session::heeds::users_always);
        if (how.has_error() && sessions_.find(session->sid()))
            co_return how.error().reason;
    }
    co_return sessions_.sessions_of(node).empty() ? "" : "it has a session";
}

} // namespace iscsid::session
