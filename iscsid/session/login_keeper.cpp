#include "iscsid/session/login_keeper.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/log_subject.hpp"

#include "libiscsi/admin/startup.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;
using admin::node_id;

namespace {

// A try of a target that is silent lasts login_timeout.
constexpr std::size_t most_at_once = 256;

// A target that is there but refuses, because it is not set up yet, is found within that.
constexpr auto longest_pause = std::chrono::seconds(8);

// Disks that are being made are waited for.
constexpr auto longest_cancellation = std::chrono::seconds(10);

// Troubles may take turns; each is told once.
constexpr std::size_t most_told = 16;

bool is_automatic(const admin::record& node) {
    return admin::has_startup(node, "automatic");
}

bool leads(const admin::record& node) {
    return node.get_boolean("node.leading_login");
}

} // namespace

std::string words_of(const std::vector<missing_login>& missing) {
    constexpr std::size_t most = 3;
    std::string words;
    for (std::size_t n = 0; n < std::min(most, missing.size()); ++n) {
        const auto& each = missing[n];
        words += fmt::format(
            "; not logged in to {} at {}: {}",
            each.node.target,
            each.node.address,
            each.reason.empty() ? "no try has ended yet" : each.reason
        );
    }
    if (missing.size() > most)
        words += fmt::format("; and {} more", missing.size() - most);
    return words;
}

struct login_keeper::wish {
    wish(kept_login wanted, asio::any_io_executor thread)
        : what(std::move(wanted)), changed(std::move(thread)) {}

    kept_login what;
    // For whoever waits for something of it alone: with thousands that fail, a word to all of them
    // for each would be all that the thread does.
    mutable condition changed;
    unsigned tries = 0; // that have failed
    std::string reason; // of the last
    std::set<std::string> told;
    std::vector<login_claim> claims; // of the tries under way: without them they are cancelled
    bool is_tried = false;           // just now
    bool is_over = false;
    std::optional<node_id> through; // the portal that has the session
    std::optional<outcome<login_result>>
        how{}; // when it is over; nothing: nobody wants it any more

    bool has(const node_id& node) const {
        return std::ranges::any_of(what.portals, [&](const auto& portal) {
            return is_same_path(portal, node);
        });
    }
};

// One of the tries that may run beside each other. The coroutine that has it may be destroyed after
// the keeper.
class login_keeper::slot {
  public:
    explicit slot(std::shared_ptr<std::size_t> running) : running_(std::move(running)) {
        ++*running_;
    }

    ~slot() { --*running_; }

    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;

  private:
    std::shared_ptr<std::size_t> running_;
};

login_keeper::login_keeper(manager& sessions, options how)
    : sessions_(sessions), with_(std::move(how)), changed_(with_.control) {}

login_keeper::~login_keeper() = default;

// ---- what is wanted -----------------------------------------------------------------------------

void login_keeper::resume() {
    auto left = load_kept_logins(with_.file, with_.boot_id);
    if (left.has_error())
        return spdlog::warn("logins of an earlier iscsid are not tried: {}", left.error().text());
    for (auto& each : *left)
        if (!each.portals.empty())
            begin(add(std::move(each)));
    if (!left->empty())
        spdlog::info("{} login(s) of an earlier iscsid are tried on", left->size());
    tell();
}

std::vector<outcome<login_keeper::handle>> login_keeper::keep(const records_read& nodes) {
    std::vector<outcome<handle>> all;
    std::vector<wish_pointer> added; // begun when all portals of a target are known
    for (const auto& record : nodes) {
        if (record.has_error()) {
            all.emplace_back(record.error());
            continue;
        }
        all.emplace_back(handle(keep_one(*record, added)));
    }
    for (auto& each : added)
        begin(std::move(each));
    save();
    tell();
    return all;
}

login_keeper::wish_pointer
login_keeper::keep_one(const admin::record& record, std::vector<wish_pointer>& added) {
    const auto id = admin::id_of(record);
    if (auto known = find(id))
        return known;
    if (auto group = leads(record) ? find_leading(id.target) : nullptr) {
        group->what.portals.push_back(id);
        return group;
    }
    added.push_back(add({{id}, leads(record), is_automatic(record), seconds_since_boot()}));
    return added.back();
}

std::optional<missing_login> login_keeper::end(const node_id& node) {
    const auto what = find(node);
    if (!what)
        return std::nullopt;
    spdlog::info("{}: is not tried any more, as it was asked", full_name(node));
    forget(what);
    return describe(*what, node);
}

asio::awaitable<void> login_keeper::wait_for_cancelled() {
    co_await changed_.wait([this] { return cancelled_ == 0; }, longest_cancellation);
}

void login_keeper::stop() {
    stopped_ = true;
    changed_.notify_all();
    for (const auto& each : wishes_)
        each->changed.notify_all();
}

login_keeper::wish_pointer login_keeper::find(const node_id& node) const {
    const auto found =
        std::ranges::find_if(wishes_, [&](const auto& each) { return each->has(node); });
    return found == wishes_.end() ? nullptr : *found;
}

login_keeper::wish_pointer login_keeper::find_leading(std::string_view target) const {
    const auto found = std::ranges::find_if(wishes_, [&](const auto& each) {
        return each->what.is_leading && each->what.portals.front().target == target;
    });
    return found == wishes_.end() ? nullptr : *found;
}

login_keeper::wish_pointer login_keeper::add(kept_login what) {
    auto made = std::make_shared<wish>(std::move(what), with_.control);
    wishes_.push_back(made);
    return made;
}

void login_keeper::begin(wish_pointer what) {
    asio::co_spawn(with_.control, run(std::move(what)), asio::detached);
}

missing_login login_keeper::describe(const wish& what, const node_id& portal) {
    return {portal, seconds_since_boot() - what.what.since, what.tries, what.reason};
}

std::vector<missing_login> login_keeper::missing() const {
    std::vector<missing_login> all;
    for (const auto& each : wishes_)
        for (const auto& portal : each->what.portals)
            all.push_back(describe(*each, portal));
    return all;
}

asio::awaitable<kept_end>
login_keeper::wait_for(handle login, node_id node, iscsi::duration limit) {
    const auto is_over = [&] { return login->is_over || stopped_; };
    co_await login->changed.wait(is_over, limit);
    if (!login->is_over) {
        const auto why = login->reason.empty() ? "no try has ended yet" : login->reason;
        const auto* const next =
            stopped_ ? "; iscsid ends, the next one tries on" : "; iscsid keeps trying";
        co_return kept_end{failure{exit_code::transport_timeout, why + next}};
    }
    if (!login->how)
        co_return kept_end{failure{exit_code::login, "somebody has ended it"}};
    const bool is_other =
        login->what.is_leading && !(login->through && is_same_path(*login->through, node));
    co_return kept_end{*login->how, is_other};
}

// ---- tries --------------------------------------------------------------------------------------

asio::awaitable<void> login_keeper::run(wish_pointer what) {
    auto pause = with_.first_pause;
    while (!stopped_ && !what->is_over) {
        if (!co_await is_still_wanted(what))
            break;
        what->is_tried = true;
        const bool is_in = co_await try_once(what);
        what->is_tried = false;
        give_place();
        if (what->is_over) {
            --cancelled_;
            changed_.notify_all();
        }
        if (is_in)
            break;
        const auto is_done = [&] { return stopped_ || what->is_over; };
        co_await what->changed.wait(is_done, pause);
        pause = std::min<iscsi::duration>(2 * pause, longest_pause);
    }
    if (!stopped_)
        forget(what);
}

// Its record may have changed meanwhile.
bool login_keeper::is_unwanted(wish& what, const node_id& portal, const record_read& now) {
    const bool is_gone = now.has_error() && now.error().code == exit_code::no_objects_found;
    const bool is_manual = now.has_value() && what.what.is_automatic && !is_automatic(*now);
    if (!is_gone && !is_manual)
        return false;
    const auto code = is_gone ? exit_code::no_objects_found : exit_code::login;
    what.how =
        failure{code, fmt::format("its record is {}", is_gone ? "gone" : "not automatic any more")};
    spdlog::info("{}: is not tried any more, {}", full_name(portal), what.how->error().reason);
    return true;
}

// False, too, when it was ended while its records were read.
asio::awaitable<bool> login_keeper::is_still_wanted(wish_pointer what) {
    auto& portals = what->what.portals;
    const auto asked = portals; // others may be added meanwhile
    const auto records = co_await sessions_.records().read(asked);
    if (stopped_ || what->is_over)
        co_return false;
    for (std::size_t n = 0; n < asked.size(); ++n)
        if (is_unwanted(*what, asked[n], records[n]))
            std::erase(portals, asked[n]);
    if (portals.empty()) {
        portals.push_back(asked.front()); // a wish has one, also when it ends
        co_return false;
    }
    what->how.reset();
    co_return is_wanted(*what);
}

bool login_keeper::is_wanted(wish& what) const {
    const std::chrono::seconds longest(
        sessions_.settings().config.daemon_integer("iscsid.autologin_max_age")
    );
    if (longest == std::chrono::seconds(0) || seconds_since_boot() - what.what.since < longest)
        return true;
    what.how = failure{exit_code::transport_timeout, "iscsid.autologin_max_age is over"};
    spdlog::error(
        "{}: is not tried any more, iscsid.autologin_max_age is over: {}",
        full_name(what.what.portals.front()),
        what.reason
    );
    return false;
}

// One after the other, as they came. False: it is not to be tried any more.
asio::awaitable<bool> login_keeper::wait_for_place(wish_pointer what) {
    if (*running_ < most_at_once)
        co_return true;
    in_line_.push_back(what);
    const auto is_free = [&] { return *running_ < most_at_once || stopped_ || what->is_over; };
    co_await what->changed.wait(is_free, very_long);
    if (!stopped_ && !what->is_over)
        co_return true;
    co_return false; // run() gives on the place that it may have been told of
}

// To the first in line that still wants it.
void login_keeper::give_place() {
    while (!in_line_.empty()) {
        const auto next = in_line_.front().lock();
        in_line_.pop_front();
        if (next && !next->is_over)
            return next->changed.notify_all();
    }
}

asio::awaitable<bool> login_keeper::try_once(wish_pointer what) {
    const bool has_place = co_await wait_for_place(what);
    if (!has_place)
        co_return false;
    const slot mine(running_);
    const auto portals = what->what.portals;
    for (const auto& portal : portals) {
        if (what->what.is_leading && sessions_.has_session(portal.target)) {
            what->how = login_result{};
            co_return true;
        }
        if (co_await log_in(what, portal)) {
            what->through = portal;
            co_return true;
        }
        if (stopped_ || what->is_over)
            co_return false;
    }
    co_return false;
}

std::vector<std::shared_ptr<live_session>>
login_keeper::begin_logins(wish& what, const missing_sessions& of, const login_terms& terms) {
    std::vector<std::shared_ptr<live_session>> begun;
    std::set<lane::session_key> joined;
    for (unsigned n = 0; n < of.count; ++n) {
        auto login = sessions_.start_login(of.node, joined, manager::waiting::yes, terms);
        if (login.has_error()) {
            terms.hears_failures(login.error());
            break;
        }
        joined.insert(login->session->sid());
        what.claims.push_back(std::move(login->claim));
        begun.push_back(std::move(login->session));
    }
    return begun;
}

// After the logouts that are under way.
asio::awaitable<outcome<login_keeper::missing_sessions>> login_keeper::find_missing(node_id portal
) const {
    const auto record = co_await sessions_.records().read(portal);
    if (record.has_error())
        co_return record.error();
    co_await sessions_.wait_for_logouts(*record, {now(), true});
    const auto count = sessions_.logins_to(*record);
    if (count.has_error())
        co_return count.error();
    co_return missing_sessions{*record, *count};
}

// All sessions of the node that are missing, beside each other.
asio::awaitable<bool> login_keeper::log_in(wish_pointer what, node_id portal) {
    const auto hear = [this, weak = std::weak_ptr(what)](const failure& why) {
        if (const auto self = weak.lock(); self && !self->is_over)
            note(*self, why.reason);
    };
    const auto missing = co_await find_missing(portal);
    if (stopped_ || what->is_over)
        co_return false;
    if (missing.has_error()) {
        if (missing.error().code != exit_code::session_exists) {
            hear(missing.error());
            co_return false;
        }
        what->how = login_result{};
        co_return true;
    }
    const auto failed_before = what->tries;
    // Neither its other portals nor a change of its record wait for more than one try.
    const auto begun = begin_logins(*what, *missing, {hear, true});
    bool all_in = begun.size() == missing->count;
    login_result last;
    for (const auto& each : begun) {
        const auto how = co_await each->login_end();
        all_in = all_in && how.has_value();
        if (how.has_value())
            last = *how;
        else if (what->tries == failed_before)
            hear(how.error());
    }
    what->claims.clear();
    if (!all_in || what->is_over)
        co_return false;
    what->how = std::move(last);
    co_return true;
}

// The first time, and when it is another trouble than before; of one that is new each time, as
// rubbish is, each try whose number is a power of two.
void login_keeper::note(wish& what, const std::string& reason) {
    ++what.tries;
    const bool is_news = what.told.size() < most_told ? what.told.insert(reason).second
                                                      : std::has_single_bit(what.tries);
    spdlog::log(
        is_news ? spdlog::level::warn : spdlog::level::debug,
        "{}: not logged in, and tried again: {}",
        full_name(what.what.portals.front()),
        reason
    );
    if (std::exchange(what.reason, reason) != reason)
        tell();
}

void login_keeper::forget(const wish_pointer& what) {
    if (std::exchange(what->is_over, true))
        return;
    cancelled_ += what->is_tried ? 1U : 0U;
    what->claims.clear();
    if (what->how && what->how->has_value() && what->tries > 0)
        spdlog::info(
            "{}: is logged in, after {} failed tries",
            full_name(what->through.value_or(what->what.portals.front())),
            what->tries
        );
    wishes_.remove(what);
    save();
    tell();
    what->changed.notify_all();
}

void login_keeper::save() {
    if (stopped_)
        return;
    std::vector<kept_login> all;
    for (const auto& each : wishes_)
        all.push_back(each->what);
    const auto stored = store_kept_logins(with_.file, with_.boot_id, all);
    const auto before = std::move(unnoted_);
    unnoted_ = stored ? std::string()
                      : "the next iscsid will not know what to log in: " + stored.error().text();
    if (!unnoted_.empty() && unnoted_ != before)
        spdlog::warn(unnoted_);
}

void login_keeper::tell() {
    if (with_.changed)
        with_.changed();
}

} // namespace iscsid::session
