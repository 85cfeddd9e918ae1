#include "iscsid/session/rediscovery.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/isid.hpp"
#include "iscsid/session/log_subject.hpp"

#include "libiscsi/admin/portal_text.hpp"
#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/discovery/plan.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
namespace discovery = iscsi::discovery;

namespace {

// Troubles may take turns; each is told once.
constexpr std::size_t most_troubles = 16;

using lines = std::set<std::string>;

// What is not said already; then it is what was said.
void tell_news(const std::string& of, const lines& said_now, lines& told) {
    for (const auto& line : said_now)
        if (!told.contains(line))
            spdlog::warn("{}: {}", of, line);
    told = said_now;
}

admin::discovered_portal for_filter(const discovered_portal& of) {
    return {of.target, of.address, of.port, of.group_tag};
}

} // namespace

struct rediscovery::source {
    admin::discovery_id id;
    std::string name; // for the log
    std::chrono::seconds interval{};
    bool is_over = false;                       // its record does not want it any more
    bool asks_now = false;                      // before its time has come
    std::set<admin::node_id> known{};           // what the last answer had
    lines troubles{};                           // of polls, since the last one that went well
    lines unregistered{};                       // why not, since the last registration
    lines left_out{};                           // of the last answer
    std::set<admin::node_id> kept{};            // gone, but in use
    std::shared_ptr<isns_watch> registration{}; // of an iSNS server

    // And tell an iSNS server again who asks.
    void ask_now() {
        asks_now = true;
        if (registration)
            registration->renew();
    }

    // Each once until a poll goes well.
    void failed(const std::string& why) {
        if (troubles.size() < most_troubles && troubles.insert(why).second)
            spdlog::warn("{}: {}; what was found before stays, it is asked again", name, why);
    }

    // The same of the registration with an iSNS server, which may fail while polls go well.
    void is_not_registered(const std::string& why) {
        if (unregistered.size() < most_troubles && unregistered.insert(why).second)
            spdlog::warn("{}: tells nothing of changes, and is asked to again: {}", name, why);
    }

    void is_registered() {
        if (!unregistered.empty())
            spdlog::info("{}: tells of changes again", name);
        unregistered.clear();
    }

    void went_well() {
        if (!troubles.empty())
            spdlog::info("{}: answers again", name);
        troubles.clear();
    }
};

rediscovery::rediscovery(manager& sessions, login_keeper& keeper, options how)
    : sessions_(sessions), keeper_(keeper), with_(std::move(how)), changed_(with_.control) {}

rediscovery::~rediscovery() = default;

void rediscovery::start() {
    asio::co_spawn(with_.control, watch(), asio::detached);
}

void rediscovery::look_again() {
    looks_again_ = true;
    changed_.notify_all();
}

void rediscovery::stop() {
    stopped_ = true;
    changed_.notify_all();
}

// ---- which sources ------------------------------------------------------------------------------

asio::awaitable<void> rediscovery::watch() {
    const auto is_news = [this] { return stopped_ || looks_again_; };
    while (!stopped_) {
        const bool all_now = std::exchange(looks_again_, false);
        const auto look = [records = with_.records] { return repeated_sources(*records); };
        const auto wanted = co_await run_on(*with_.workers, look);
        take(wanted);
        for (const auto& each : sources_)
            if (all_now)
                each.second->ask_now();
        changed_.notify_all();
        co_await changed_.wait(is_news, with_.between_looks);
    }
}

void rediscovery::take(const std::vector<repeated_source>& wanted) {
    std::map<admin::discovery_id, source_pointer> now;
    for (const auto& each : wanted) {
        auto& what = now[each.id];
        if (const auto known = sources_.find(each.id); known != sources_.end()) {
            what = known->second;
            what->interval = each.interval;
            continue;
        }
        what = std::make_shared<source>();
        what->id = each.id;
        what->name = "discovery at " + admin::portal_text(each.id.address, each.id.port);
        what->interval = each.interval;
        if (!stopped_)
            asio::co_spawn(with_.control, run(what), asio::detached);
    }
    for (const auto& [id, what] : sources_)
        what->is_over |= !now.contains(id);
    sources_ = std::move(now);
}

asio::awaitable<void> rediscovery::run(source_pointer what) {
    spdlog::info("{}: is repeated from now on", what->name);
    while (!stopped_ && !what->is_over) {
        what->asks_now = false;
        co_await poll(what);
        co_await wait_for_turn(what);
    }
    if (what->registration)
        what->registration->stop();
    if (what->is_over)
        spdlog::info("{}: is not repeated any more", what->name);
}

// The time runs from the end of a poll, so that a slow source is not asked without a pause.
asio::awaitable<void> rediscovery::wait_for_turn(source_pointer what) {
    const auto began = now();
    const auto is_over = [&] { return stopped_ || what->is_over; };
    co_await changed_.wait(
        is_over, with_.second
    ); // however often something is said to have changed
    for (;;) {
        const auto pace = what->interval;
        const auto end = pace <= std::chrono::seconds(0) ? began + very_long
                                                         : began + pace.count() * with_.second;
        const auto is_due = [&] { return stopped_ || what->is_over || what->asks_now; };
        const auto is_news = [&] { return is_due() || what->interval != pace; };
        const auto left = std::chrono::duration_cast<iscsi::duration>(end - now());
        const bool news = co_await changed_.wait(is_news, left);
        if (!news || is_due())
            co_return;
    }
}

// ---- one poll -----------------------------------------------------------------------------------

asio::awaitable<void> rediscovery::poll(source_pointer what) {
    const auto read = [records = with_.records, id = what->id] {
        return read_source(*records, id);
    };
    auto by = co_await run_on(*with_.workers, read);
    if (by.has_error()) {
        what->failed(by.error().reason);
        co_return;
    }
    if (!*by) // the next look ends it
        co_return;
    const auto records = std::make_shared<const source_records>(**std::move(by));
    keep_registered(what, *records);
    auto found = co_await ask(what, records);
    if (found.has_value() && found->empty())
        found = failure{admin::exit_code::no_objects_found, "it names no target"};
    if (stopped_ || what->is_over)
        co_return;
    if (found.has_error()) {
        what->failed(found.error().reason);
        co_return;
    }
    const auto stored = co_await store(records, *std::move(found));
    if (stored.has_error()) {
        what->failed(stored.error().reason);
        co_return;
    }
    what->went_well();
    for (const auto& id : stored->added)
        spdlog::info("{}: {} is new", what->name, full_name(id));
    log_in(*what, *stored);
    co_await drop(what, stored->gone);
}

// By the name of the first interface: a server hears of one initiator, whose changes are enough to
// ask for all.
void rediscovery::keep_registered(const source_pointer& what, const source_records& by) {
    if (what->id.kind != admin::source_kind::isns || !with_.resolvers)
        return;
    const auto& first = by.interfaces.at(by.interfaces.names().front());
    auto plan = sessions_.plans().plan_discovery(by.settings, first);
    if (plan.has_error())
        return; // asking says so, too
    if (what->registration && what->registration->initiator() == plan->session.initiator_name)
        return;
    if (what->registration)
        what->registration->stop();
    const std::weak_ptr<source> weak = what;
    const auto changed = [this, weak] {
        if (const auto self = weak.lock()) {
            self->is_registered();
            self->asks_now = true;
            changed_.notify_all();
        }
    };
    const auto failed = [weak](const std::string& why) {
        if (const auto self = weak.lock())
            self->is_not_registered(why);
    };
    what->registration = std::make_shared<isns_watch>(
        *std::move(plan), isns_watch::options{with_.control, with_.resolvers, changed, failed}
    );
    what->registration->start();
}

namespace {

// Those that may become records; the others are said.
std::vector<admin::discovered_portal> admitted(
    const std::vector<discovered_portal>& answer,
    const discovery::portal_filter& filter,
    lines& said
) {
    std::vector<admin::discovered_portal> portals;
    for (const auto& each : answer) {
        const admin::node_id id{each.target, each.address, each.port, each.group_tag, "default"};
        const auto safe = admin::check_new(id);
        if (!safe)
            said.insert("left out: " + safe.error().text());
        else if (filter.admits(for_filter(each)))
            portals.push_back(for_filter(each));
    }
    return portals;
}

// The last words alone would say that it was tried often enough.
std::string words_of(const lines& said, const failure& why) {
    return said.empty() ? why.reason : fmt::format("{}", fmt::join(said, "; "));
}

} // namespace

// A target may show other things to another initiator name: interfaces that look the same ask once.
asio::awaitable<outcome<rediscovery::nodes>>
rediscovery::ask(source_pointer what, std::shared_ptr<const source_records> by) {
    std::map<discovery::appearance, std::vector<admin::discovered_portal>> answers;
    nodes found;
    const auto said = std::make_shared<lines>();
    for (const auto& name : by->interfaces.names()) {
        const auto seen_as = discovery::appearance_of(by->interfaces.at(name));
        if (!answers.contains(seen_as)) {
            const auto answered = co_await ask_once(by, name, said);
            if (answered.has_error())
                co_return failure{answered.error().code, words_of(*said, answered.error())};
            answers[seen_as] = admitted(*answered, by->filter, *said);
        }
        const auto bound = discovery::bind_to_interfaces(answers[seen_as], {name});
        found.insert(found.end(), bound.begin(), bound.end());
    }
    tell_news(what->name, *said, what->left_out);
    co_return found;
}

// With an ISID of its own: a discovery that somebody asks for meanwhile is another session.
asio::awaitable<rediscovery::answer> rediscovery::ask_once(
    std::shared_ptr<const source_records> by, std::string interface, std::shared_ptr<lines> said
) {
    auto plan = sessions_.plans().plan_discovery(by->settings, by->interfaces.at(interface));
    if (plan.has_error())
        co_return plan.error();
    plan->is_repeated = true;
    const admin::node_id place{"", plan->host, plan->port, -1, "rediscovery"};
    const auto& seed = sessions_.settings().identity.isid_seed;
    plan->session.isid = make_isid(plan->session.initiator_name, place, 0, seed);
    // Its lines begin with what ours begin with.
    note_taker note = [said, place = "discovery at " + plan->host + ": "](const std::string& line) {
        said->insert(line.starts_with(place) ? line.substr(place.size()) : line);
    };
    co_return co_await with_.ask(*std::move(plan), std::move(note));
}

asio::awaitable<outcome<stored_answer>>
rediscovery::store(std::shared_ptr<const source_records> by, nodes found) {
    const auto put = [records = with_.records,
                      by = std::move(by),
                      found = std::move(found),
                      from = sessions_.settings().config.new_node()] {
        return store_answer(*records, *by, found, from);
    };
    co_return co_await run_on(*with_.workers, put);
}

// ---- what follows -------------------------------------------------------------------------------

void rediscovery::log_in(source& what, const stored_answer& stored) {
    nodes wanted;
    std::ranges::copy_if(stored.automatic, std::back_inserter(wanted), [&what](const auto& id) {
        return !what.known.contains(id);
    });
    what.known = {stored.found.begin(), stored.found.end()};
    if (stopped_ || wanted.empty())
        return;
    const auto begun = keeper_.keep(wanted);
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (begun[i].has_error())
            spdlog::warn("{}: not logged in: {}", full_name(wanted[i]), begun[i].error().reason);
}

asio::awaitable<void> rediscovery::drop(source_pointer what, nodes gone) {
    nodes free;
    std::set<admin::node_id> kept;
    for (const auto& id : gone) {
        if (stopped_)
            co_return;
        const auto why_not = co_await log_out(id);
        if (why_not.empty()) {
            free.push_back(id);
            continue;
        }
        kept.insert(id);
        if (!what->kept.contains(id))
            spdlog::warn(
                "{}: {} names it no more, but it stays: {}", full_name(id), what->name, why_not
            );
    }
    what->kept = std::move(kept);
    if (free.empty())
        co_return;
    const auto remove = [records = with_.records, free] { return remove_nodes(*records, free); };
    const auto removed = co_await run_on(*with_.workers, remove);
    if (removed.has_error())
        what->failed(removed.error().reason);
    else
        for (const auto& id : free)
            spdlog::info(
                "{}: {} names it no more, its record is removed", full_name(id), what->name
            );
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
