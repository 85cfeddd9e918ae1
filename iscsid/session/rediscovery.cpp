#include "iscsid/session/rediscovery.hpp"

#include "iscsid/session/log_subject.hpp"
#include "iscsid/session/rediscovery_source.hpp"

#include "libiscsi/admin/portal_text.hpp"
#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/discovery/plan.hpp"
#include "libiscsi/names/iscsi_name.hpp"

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

using lines = std::set<std::string>;

admin::discovered_portal for_filter(const discovered_portal& of) {
    return {of.target, of.address, of.port, of.group_tag};
}

} // namespace

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
        if (!std::exchange(what->has_asked, true))
            ask_those_that_waited();
        co_await wait_for_turn(what);
    }
    if (what->registration)
        what->registration->stop();
    if (what->is_over)
        spdlog::info("{}: is not repeated any more", what->name);
}

// For the first poll of another one.
void rediscovery::ask_those_that_waited() {
    for (const auto& [id, each] : sources_)
        each->asks_now |= std::exchange(each->waits_for_others, false);
    changed_.notify_all();
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
    if (found.has_value() && found->found.empty())
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
    tell(*what, *stored);
    co_await log_in(*what, *stored);
    co_await drop(what, stored->gone);
}

void rediscovery::tell(source& what, const stored_answer& stored) {
    std::vector<std::string> added, moved;
    for (const auto& id : stored.added)
        added.push_back(fmt::format("{}: {} is new", what.name, full_name(id)));
    for (const auto& [from, to] : stored.moved)
        moved.push_back(fmt::format(
            "{}: {} has the portal group tag {} now", what.name, full_name(to), to.group_tag
        ));
    what.told_added.tell(spdlog::level::info, what.name, added, now());
    what.told_moved.tell(spdlog::level::info, what.name, moved, now());
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

// What is heard of a source besides the portals that it names.
struct heard {
    lines said;
    std::set<std::string> left_out; // targets; empty: one that is not known
};

// Those that may become records; the others are said.
std::vector<admin::discovered_portal> admitted(
    const std::vector<discovered_portal>& answer,
    const discovery::portal_filter& filter,
    heard& besides
) {
    std::vector<admin::discovered_portal> portals;
    for (const auto& each : answer) {
        const admin::node_id id{each.target, each.address, each.port, each.group_tag, "default"};
        const auto safe = admin::check_new(id);
        if (!safe) {
            besides.said.insert("left out: " + safe.error().text());
            besides.left_out.insert(iscsi::check_iscsi_name(each.target) ? each.target : "");
        } else if (filter.admits(for_filter(each))) {
            portals.push_back(for_filter(each));
        }
    }
    return portals;
}

// The last words alone would say that it was tried often enough.
std::string words_of(const lines& said, const failure& why) {
    return said.empty() ? why.reason : fmt::format("{}", fmt::join(said, "; "));
}

} // namespace

// A target may show other things to another initiator name: interfaces that look the same ask once.
asio::awaitable<outcome<poll_answer>>
rediscovery::ask(source_pointer what, std::shared_ptr<const source_records> by) {
    std::map<discovery::appearance, std::vector<admin::discovered_portal>> answers;
    poll_answer all;
    const auto besides = std::make_shared<heard>();
    const question_ears ears{
        [besides](const std::string& line) { besides->said.insert(line); },
        [besides](const std::string& target) { besides->left_out.insert(target); }};
    for (const auto& name : by->interfaces.names()) {
        const auto seen_as = discovery::appearance_of(by->interfaces.at(name));
        if (!answers.contains(seen_as)) {
            const auto answered = co_await ask_once(by, name, ears);
            if (answered.has_error())
                co_return failure{answered.error().code, words_of(besides->said, answered.error())};
            answers[seen_as] = admitted(*answered, by->filter, *besides);
        }
        const auto bound = discovery::bind_to_interfaces(answers[seen_as], {name});
        all.found.insert(all.found.end(), bound.begin(), bound.end());
    }
    what->say_of_answer(besides->said);
    all.left_out = besides->left_out;
    co_return all;
}

// With an ISID of its own: a discovery that somebody asks for meanwhile is another session.
asio::awaitable<rediscovery::answer> rediscovery::ask_once(
    std::shared_ptr<const source_records> by, std::string interface, question_ears ears
) {
    auto plan = sessions_.plans().plan_discovery(by->settings, by->interfaces.at(interface));
    if (plan.has_error())
        co_return plan.error();
    plan->is_repeated = true;
    plan->hears_left_out = ears.left_out;
    set_isid(*plan, "rediscovery", 0, sessions_.settings().identity.isid_seed);
    // Its lines begin with what ours begin with.
    note_taker note = [ears, place = "discovery at " + plan->host + ": "](const std::string& line) {
        ears.said(line.starts_with(place) ? line.substr(place.size()) : line);
    };
    co_return co_await with_.ask(*std::move(plan), std::move(note));
}

asio::awaitable<outcome<stored_answer>>
rediscovery::store(std::shared_ptr<const source_records> by, poll_answer all) {
    for (const auto& each : keeper_.missing())
        all.in_use.insert(path_of(each.node));
    for (const auto& id : all.found)
        if (!sessions_.sessions_of(id).empty())
            all.in_use.insert(path_of(id));
    const auto put = [records = with_.records,
                      by = std::move(by),
                      all = std::move(all),
                      from = sessions_.settings().config.new_node()] {
        return store_answer(*records, *by, all, from);
    };
    co_return co_await run_on(*with_.workers, put);
}

// ---- what follows -------------------------------------------------------------------------------

asio::awaitable<void> rediscovery::log_in(source& what, const stored_answer& stored) {
    nodes wanted;
    std::ranges::copy_if(stored.automatic, std::back_inserter(wanted), [&what](const auto& id) {
        return !what.known.contains(path_of(id));
    });
    what.known.clear();
    for (const auto& id : stored.found)
        what.known.insert(path_of(id));
    if (stopped_ || wanted.empty())
        co_return;
    const auto records = co_await sessions_.records().read(wanted);
    if (stopped_)
        co_return;
    const auto begun = keeper_.keep(records);
    std::vector<std::string> failed;
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (begun[i].has_error())
            failed.push_back(
                fmt::format("{}: not logged in: {}", full_name(wanted[i]), begun[i].error().reason)
            );
    what.told_unopened.tell(spdlog::level::warn, what.name, failed, now());
}

} // namespace iscsid::session
