#include "iscsiadm/modes/login.hpp"

#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/print/progress.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace iscsi::cli {

namespace {

using std::chrono::seconds;

// How long the daemon may try one login before it gives up (initial_login_retry_max times
// login_timeout), and a margin for finding the disks.
seconds patience_for(const admin::record& node) {
    constexpr seconds margin{60};
    const auto tries =
        std::max<std::int64_t>(node.get_integer("node.session.initial_login_retry_max"), 1);
    const auto each =
        std::max<std::int64_t>(node.get_integer("node.conn[0].timeo.login_timeout"), 1);
    constexpr std::int64_t longest = 24L * 3600;
    return seconds(std::min(tries * each, longest)) + margin;
}

// The daemon answers within iscsid.autologin_wait, which is an hour at most.
constexpr seconds longest_autologin_wait{3600 + 60};

// One call logs in to all of them side by side, so the slowest decides how long silence is normal.
seconds longest_patience(const std::vector<admin::record>& nodes) {
    seconds longest{0};
    for (const admin::record& node : nodes)
        longest = std::max(longest, patience_for(node));
    return longest;
}

// One Login call: what was asked, what has been answered.
// ask() each, call() once, finish() once. Every node that was asked is answered for on the screen,
// also when the daemon dies in the middle: a client must never take silence for success.
class login_run {
  public:
    login_run(context& at, login_manner how, bool additional = false) : at_(at) {
        request_.wait = how.wait;
        request_.keep_trying = how.keep_trying;
        request_.additional = additional;
    }

    void ask(const wanted_login& wanted);
    void take(const admin::login_progress& progress);
    void call(seconds patience);

    // A node that the daemon is not asked for.
    void refuse(const admin::node_id& node, exit_code code) { show_failure(node, code, ""); }

    // One that has all of its sessions.
    void pass_over(const wanted_login& wanted);

    exit_code finish();

  private:
    login_outcome outcome_of(const admin::login_progress& progress) const;
    void print_failure(const admin::node_id& node, exit_code code, std::string_view detail);

    // Without an answer of the daemon about a session.
    void show_failure(const admin::node_id& node, exit_code code, const std::string& detail) {
        print_failure(node, code, detail);
        at_.out.show(login_end{node, login_outcome::failed, code, 0, detail, {}});
    }

    void show_start(const wanted_login& wanted);
    void show_end(const admin::login_progress& progress);

    context& at_;
    admin::login_request_message request_;
    std::vector<wanted_login> wanted_; // of each node of the request
    std::set<std::size_t> answered_;
    first_failure failure_;
};

// "Logging in to" is printed once for each session that is missing, before the call: what follows
// may take minutes. Of several portals of which one will do nobody knows yet which it is.
void login_run::ask(const wanted_login& wanted) {
    request_.nodes.push_back(wanted.node);
    wanted_.push_back(wanted);
    if (!wanted.leading || !request_.keep_trying || at_.dry_run)
        show_start(wanted);
}

void login_run::show_start(const wanted_login& wanted) {
    const bool several = wanted.requested > 1;
    for (std::size_t i = wanted.present; i < wanted.requested; ++i)
        at_.out.show(login_start{wanted.node, several, at_.dry_run});
}

// A kept login is answered for when all of its sessions are there.
void login_run::show_end(const admin::login_progress& progress) {
    const wanted_login& wanted = wanted_[progress.index];
    if (wanted.leading && request_.keep_trying)
        show_start(wanted);
    const bool is_of_all = request_.keep_trying && progress.code == exit_code::success;
    const std::size_t times = is_of_all ? wanted.requested - wanted.present : 1;
    for (std::size_t i = 0; i < times; ++i)
        at_.out.show(login_end{
            wanted.node,
            outcome_of(progress),
            progress.code,
            progress.sid,
            progress.detail,
            progress.warnings,
            progress.notes});
}

void login_run::pass_over(const wanted_login& wanted) {
    constexpr auto code = exit_code::session_exists;
    at_.screen.complain(already_present(wanted.node, wanted.requested, wanted.present));
    at_.out.show(login_end{wanted.node, login_outcome::present, code, 0, "", {}});
    failure_.add(code);
}

// With -W nobody knows yet whether it succeeds.
login_outcome login_run::outcome_of(const admin::login_progress& progress) const {
    if (progress.code != exit_code::success)
        return login_outcome::failed;
    return request_.wait ? login_outcome::logged_in : login_outcome::requested;
}

// An index beyond the request would be printed as the wrong target; it is refused loudly.
void login_run::take(const admin::login_progress& progress) {
    if (progress.index >= request_.nodes.size()) {
        at_.screen.complain(
            fmt::format("an answer for node {} of {}", progress.index, request_.nodes.size())
        );
        failure_.add(exit_code::daemon_communication);
        return;
    }
    answered_.insert(progress.index);
    const admin::node_id& node = request_.nodes[progress.index];
    if (progress.needless)
        return at_.out.show(login_end{node, login_outcome::present, progress.code, 0, "", {}});
    if (progress.code != exit_code::success)
        print_failure(node, progress.code, progress.detail);
    for (const auto& warning : progress.warnings)
        at_.screen.complain(login_warning(node, warning));
    show_end(progress);
    for (const auto& note : progress.notes)
        at_.screen.advise(login_warning(node, note));
}

// Returns when the daemon has answered for all, or when it has not answered for `patience`.
void login_run::call(seconds patience) {
    if (request_.nodes.empty() || at_.dry_run)
        return;
    const auto listen = [this](const admin::login_progress& progress) { take(progress); };
    const auto called = at_.daemon.log_in(request_, patience, listen);
    const exit_code code =
        called ? exit_code::daemon_communication : report_call(called.error(), at_.screen);
    for (std::size_t i = 0; i < request_.nodes.size(); ++i)
        if (!answered_.contains(i))
            show_failure(request_.nodes[i], code, "no answer");
    if (!called)
        failure_.add(code);
}

exit_code login_run::finish() {
    if (failure_.code() != exit_code::success)
        at_.screen.complain("Could not log into all portals");
    return failure_.code();
}

// The first two lines are open-iscsi's and read by programs; the reason is ours.
void login_run::print_failure(const admin::node_id& node, exit_code code, std::string_view detail) {
    at_.screen.complain(could_not_log_in(node));
    at_.screen.complain(reported_error(code));
    if (!detail.empty())
        at_.screen.complain(login_warning(node, detail));
    failure_.add(code);
}

// The same portal through the same interface, known by two group tags, is logged in once; the first
// record counts. Those whose file says what it should; each of the others is a failure of its own,
// but a damaged one among others: what it asked for is not known, so nobody has missed it.
std::vector<admin::record>
nodes_to_log_in(const std::vector<admin::record>& nodes, login_run& run, console& screen) {
    std::vector<admin::record> usable;
    const bool some_whole =
        std::ranges::any_of(nodes, [](const auto& node) { return !node.is_damaged(); });
    for (const admin::record& node : nodes) {
        const auto is_it = [id = id_of(node)](const auto& other) {
            return is_same_path(id_of(other), id);
        };
        if (std::ranges::any_of(usable, is_it))
            continue;
        if (node.bad_values().empty()) {
            usable.push_back(node);
            continue;
        }
        if (!node.is_damaged())
            run.refuse(id_of(node), exit_code::invalid);
        else if (!some_whole)
            run.refuse(id_of(node), exit_code::database);
        report_bad_values(node, screen);
    }
    return usable;
}

// What is done to sessions: how it is asked for, and its words.
template <class Request, class Progress>
// Logout, rescan and the end of waiting I/O are the same conversation with other words: a list of
// sessions goes out, one answer for each comes back.
struct session_verb {
    using words = std::string (*)(const admin::session_info&, const Request&);

    result<void> (daemon_client::*call)(const Request&, const daemon_client::listener<Progress>&);
    session_action action;
    words failure;
    bool names_each_error; // after each failure, not only at the end
};

constexpr session_verb<admin::logout_request_message, admin::logout_progress> logging_out{
    &daemon_client::log_out,
    session_action::log_out,
    [](const auto& session, const auto&) { return could_not_log_out(session); },
    true};

constexpr session_verb<admin::rescan_request_message, admin::rescan_progress> rescanning{
    &daemon_client::rescan,
    session_action::rescan,
    [](const auto& session, const auto&) { return could_not_rescan(session); },
    false};

constexpr session_verb<admin::fail_io_request_message, admin::fail_io_progress> failing_io{
    &daemon_client::fail_io,
    session_action::fail_io,
    [](const auto& session, const auto&) { return could_not_fail_io(session); },
    true};

constexpr session_verb<admin::lun_request_message, admin::lun_progress> attaching_lun{
    &daemon_client::attach_lun,
    session_action::attach_lun,
    [](const auto& session, const auto& what) { return could_not_attach(session, what.lun); },
    true};

constexpr session_verb<admin::lun_request_message, admin::lun_progress> detaching_lun{
    &daemon_client::detach_lun,
    session_action::detach_lun,
    [](const auto& session, const auto& what) { return could_not_detach(session, what.lun); },
    true};

constexpr session_verb<admin::describe_luns_request_message, admin::luns_progress> describing_luns{
    &daemon_client::describe_luns,
    session_action::describe_luns,
    [](const auto& session, const auto&) { return could_not_describe(session); },
    true};

// One call about sessions: what was asked, what has been answered.
template <class Request, class Progress>
class session_run {
  public:
    session_run(
        const session_verb<Request, Progress>& verb,
        context& at,
        const std::vector<admin::session_info>& sessions,
        Request request = {}
    )
        : verb_(verb), at_(at), sessions_(sessions), request_(std::move(request)) {}

    // The first failure.
    exit_code run();

  private:
    void take(const Progress& progress);
    session_end end_of(const admin::session_info& session) const;
    void print_failure(const admin::session_info& session, exit_code code, std::string_view detail);

    const session_verb<Request, Progress>& verb_;
    context& at_;
    const std::vector<admin::session_info>& sessions_;
    Request request_; // but for the sessions
    std::set<std::uint32_t> answered_;
    first_failure failure_;
};

template <class Request, class Progress>
session_end session_run<Request, Progress>::end_of(const admin::session_info& session) const {
    session_end end{verb_.action, session};
    if constexpr (requires { request_.lun; })
        end.one_lun = {request_.lun, {}, false};
    return end;
}

template <class Request, class Progress>
// All are named first, then asked in one call, then reported as they end.
exit_code session_run<Request, Progress>::run() {
    for (const admin::session_info& session : sessions_) {
        at_.out.show(session_start{verb_.action, session});
        request_.sids.push_back(session.sid);
    }
    const auto listen = [this](const Progress& progress) { take(progress); };
    const auto called = (at_.daemon.*verb_.call)(request_, listen);
    const exit_code code =
        called ? exit_code::daemon_communication : report_call(called.error(), at_.screen);
    for (const admin::session_info& session : sessions_)
        if (!answered_.contains(session.sid)) {
            print_failure(session, code, "no answer");
            session_end end = end_of(session);
            end.code = code;
            end.detail = "no answer";
            at_.out.show(end);
        }
    return failure_.code();
}

template <class Request, class Progress>
// The daemon answers with numbers; one that was not asked for would be somebody else's session.
void session_run<Request, Progress>::take(const Progress& progress) {
    const auto session = std::ranges::find(sessions_, progress.sid, &admin::session_info::sid);
    if (session == sessions_.end()) {
        at_.screen.complain(
            fmt::format("an answer for session {}, which was not asked", progress.sid)
        );
        failure_.add(exit_code::daemon_communication);
        return;
    }
    answered_.insert(progress.sid);
    if (progress.code != exit_code::success)
        print_failure(*session, progress.code, progress.detail);
    for (const auto& warning : progress.warnings)
        at_.screen.complain(session_warning(*session, warning));
    session_end end = end_of(*session);
    end.code = progress.code;
    end.detail = progress.detail;
    end.warnings = progress.warnings;
    const bool is_well = progress.code == exit_code::success;
    if constexpr (requires { progress.commands; })
        if (is_well)
            end.commands = progress.commands;
    if constexpr (requires { progress.luns; })
        end.luns = progress.luns;
    if constexpr (requires { progress.disk; })
        end.one_lun = {request_.lun, progress.disk, progress.changed};
    at_.out.show(end);
}

template <class Request, class Progress>
void session_run<Request, Progress>::print_failure(
    const admin::session_info& session, exit_code code, std::string_view detail
) {
    at_.screen.complain(verb_.failure(session, request_));
    if (verb_.names_each_error)
        at_.screen.complain(reported_error(code));
    if (!detail.empty())
        at_.screen.complain(session_warning(session, detail));
    failure_.add(code);
}

// Without a daemon every login fails, each in its own words.
exit_code all_fail(const std::vector<admin::record>& nodes, const fault& why, context& at) {
    const auto each_login = [&nodes](auto&& say) {
        for (const wanted_login& wanted : plan_logins(nodes, {}))
            for (std::size_t i = 0; i < wanted.requested; ++i)
                say(wanted);
    };
    each_login([&at](const wanted_login& wanted) {
        at.out.show(login_start{wanted.node, wanted.requested > 1});
    });
    const exit_code code = report_call(why, at.screen);
    each_login([&at, code](const wanted_login& wanted) {
        at.screen.complain(could_not_log_in(wanted.node));
        at.screen.complain(reported_error(code));
        at.out.show(login_end{wanted.node, login_outcome::failed, code, 0, "", {}});
    });
    at.screen.complain("Could not log into all portals");
    return code;
}

} // namespace

// How many sessions of each record are there already decides what is asked; the daemon decides the
// same once more, for another iscsiadm may have been faster.
std::vector<wanted_login> plan_logins(
    const std::vector<admin::record>& nodes, const std::vector<admin::session_info>& sessions
) {
    std::vector<wanted_login> plan;
    for (const admin::record& node : nodes) {
        const auto requested =
            std::max<std::int64_t>(node.get_integer("node.session.nr_sessions"), 1);
        const admin::node_id id = id_of(node);
        const auto present = std::ranges::count_if(sessions, [&](const auto& session) {
            // The daemon joins a login, and waits for a logout.
            return uses(session, id) && !session.login_pending && !session.logout_pending;
        });
        plan.push_back(
            {id,
             static_cast<std::size_t>(requested),
             static_cast<std::size_t>(present),
             node.get_boolean("node.leading_login")}
        );
    }
    return plan;
}

// A record whose sessions are all there is a failure (15), as in open-iscsi: scripts use that to
// know.
exit_code log_in(const std::vector<admin::record>& nodes, login_manner how, context& at) {
    at.out.show(opened{document_kind::logins});
    const auto sessions = at.daemon.list_sessions();
    if (!sessions)
        return all_fail(nodes, sessions.error(), at);
    login_run run(at, how);
    const auto usable = nodes_to_log_in(nodes, run, at.screen);
    for (const wanted_login& wanted : plan_logins(usable, *sessions)) {
        if (!wanted.satisfied()) {
            run.ask(wanted);
            continue;
        }
        run.pass_over(wanted);
    }
    run.call(how.keep_trying ? longest_autologin_wait : longest_patience(usable));
    return run.finish();
}

exit_code log_in_once_more(const admin::record& node, context& at) {
    at.out.show(opened{document_kind::logins});
    login_run run(at, login_manner(), true);
    for (const admin::record& usable : nodes_to_log_in({node}, run, at.screen))
        run.ask({id_of(usable), 1, 0});
    run.call(longest_patience({node}));
    return run.finish();
}

// By target, so that the lines of one target stand together; within one the order is the daemon's.
exit_code log_out(std::vector<admin::session_info> sessions, context& at) {
    at.out.show(opened{document_kind::logouts});
    std::ranges::stable_sort(sessions, {}, [](const auto& session) { return session.node.target; });
    if (at.dry_run) {
        for (const admin::session_info& session : sessions)
            at.out.show(session_start{session_action::log_out, session, true});
        return exit_code::success;
    }
    const exit_code code = session_run(logging_out, at, sessions).run();
    if (code != exit_code::success)
        at.screen.complain("Could not logout of all requested sessions");
    return code;
}

exit_code log_in_to_recorded(const std::vector<admin::node_id>& nodes, context& at) {
    std::vector<admin::record> records;
    for (const admin::node_id& id : nodes) {
        auto record = at.store.find(id);
        if (!record)
            return report_database(record.error(), at.screen);
        if (*record)
            records.push_back(**std::move(record));
    }
    return records.empty() ? report_no_records(at.screen) : log_in(records, login_manner(), at);
}

// "on all sessions" also when it was one: the words are open-iscsi's.
exit_code rescan(const std::vector<admin::session_info>& sessions, context& at) {
    at.out.show(opened{document_kind::rescans});
    const exit_code code = session_run(rescanning, at, sessions).run();
    if (code != exit_code::success)
        at.screen.complain(
            fmt::format("Could not execute operation on all sessions: {}", to_text(code))
        );
    return code;
}

exit_code fail_io(const admin::session_info& session, context& at) {
    at.out.show(opened{document_kind::failed_io});
    const std::vector sessions{session};
    return session_run(failing_io, at, sessions).run();
}

exit_code
order_lun(const admin::session_info& session, std::uint64_t lun, bool attach, context& at) {
    at.out.show(opened{attach ? document_kind::attached_luns : document_kind::detached_luns});
    const std::vector sessions{session};
    const auto& verb = attach ? attaching_lun : detaching_lun;
    return session_run(verb, at, sessions, {{}, lun}).run();
}

exit_code describe_luns(const std::vector<admin::session_info>& sessions, context& at) {
    at.out.show(opened{document_kind::session_luns});
    return session_run(describing_luns, at, sessions).run();
}

} // namespace iscsi::cli
