#include "iscsiadm/modes/discover.hpp"

#include "iscsiadm/modes/login.hpp"
#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/print/portals.hpp"

#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/base/shown.hpp"
#include "libiscsi/discovery/node_writer.hpp"
#include "libiscsi/discovery/portal_filter.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace iscsi::cli {

namespace {

using std::chrono::seconds;
using portals = std::vector<admin::discovered_portal>;
using session_list = result<std::vector<admin::session_info>>;

// All tries of the daemon together, and a margin.
seconds patience_for(const admin::record& settings) {
    constexpr seconds margin{30};
    // Of an iSNS server that takes its time for each of a few questions, each with a bound there.
    if (settings.kind() == admin::record_kind::isns)
        return seconds(120) + margin;
    const auto at_least_one = [&](admin::integer_key key) {
        return std::max<std::int64_t>(settings.get_integer(key), 1);
    };
    const auto tries = at_least_one("discovery.sendtargets.reopen_max") + 1;
    const auto each = at_least_one("discovery.sendtargets.timeo.login_timeout") +
                      at_least_one("discovery.sendtargets.timeo.active_timeout");
    constexpr std::int64_t longest = 24L * 3600;
    return seconds(std::min(tries * each, longest)) + margin;
}

bool is_isns(const admin::record& settings) {
    return settings.kind() == admin::record_kind::isns;
}

exit_code could_not_discover(const admin::record& settings, exit_code code, console& screen) {
    const auto* const how = is_isns(settings) ? "iSNS" : "SendTargets";
    screen.complain(fmt::format("Could not perform {} discovery: {}", how, to_text(code)));
    return code;
}

// One discovery from the interfaces to the logins. Its steps are in the order of run(); each leaves
// its result in a member for the next. Nothing is written before the portal has answered, and then
// the answer is the whole truth of that portal.
class discovery_run {
  public:
    discovery_run(const discovery_job& job, discovery::portal_filter filter, context& at)
        : job_(job)
        , filter_(std::move(filter))
        , at_(at)
        , writer_(at.store, id_of_discovery(job.settings), interfaces_, job.changes) {}

    exit_code run();

  private:
    exit_code store_settings();
    void restore_settings();
    exit_code choose_interfaces();
    exit_code use_interfaces(const std::vector<std::string>& names);
    exit_code ask_by_interfaces();
    exit_code ask(const std::string& interface, portals& answer);
    void refuse_bad(portals& found);
    void apply_filter(portals& found);
    exit_code report_nothing_found() const;
    exit_code store();
    exit_code write(std::vector<admin::node_id> ids, admin::record_edit& edit);
    void print() const;
    exit_code log_in_to_found();
    exit_code log_in_without_records();
    exit_code make_missing(std::vector<admin::node_id>& made);

    const discovery_job& job_;
    discovery::portal_filter filter_;
    context& at_;
    std::size_t filtered_ = 0; // portals that the filter has left out
    first_failure unanswered_; // of the interfaces
    discovery::interface_choice interfaces_;
    std::vector<admin::node_id> found_;
    discovery::node_writer writer_;
};

// An empty answer is an error and deletes nothing: a portal that has just started, or that does not
// know our name yet, would empty the tree.
exit_code discovery_run::run() {
    if (const auto chosen = choose_interfaces(); chosen != exit_code::success)
        return chosen;
    if (job_.use_record)
        if (const auto stored = store_settings(); stored != exit_code::success)
            return stored;
    if (const auto asked = ask_by_interfaces(); asked != exit_code::success) {
        restore_settings();
        return asked;
    }
    if (found_.empty()) {
        restore_settings();
        return report_nothing_found();
    }
    first_failure failure;
    if (!job_.use_record) // nobody reads it, so a look that fails leaves nothing
        failure.add(store_settings());
    failure.add(store());
    print();
    if (job_.login && failure.code() == exit_code::success)
        failure.add(job_.changes.persistent ? log_in_to_found() : log_in_without_records());
    if (!job_.interfaces.empty()) // whose answers were asked for by name
        failure.add(unanswered_.code());
    return failure.code();
}

// The daemon goes by the stored record. One that says the same already is left alone.
exit_code discovery_run::store_settings() {
    if (!job_.store_settings || job_.earlier == job_.settings)
        return exit_code::success;
    const auto written = at_.store.write_discovery(job_.settings);
    return written ? exit_code::success : report_database(written.error(), at_.screen);
}

// A discovery that fails changes nothing of a record that was there, unless somebody else has
// changed it since.
void discovery_run::restore_settings() {
    const bool was_stored = job_.store_settings && job_.use_record;
    if (!was_stored || !job_.earlier || job_.earlier == job_.settings)
        return;
    auto edit = at_.store.edit();
    if (!edit) {
        report_database(edit.error(), at_.screen);
        return;
    }
    const auto stored = at_.store.find_discovery(id_of_discovery(job_.settings));
    if (!stored || *stored != job_.settings)
        return;
    if (const auto written = edit->write_discovery(*job_.earlier); !written)
        report_database(written.error(), at_.screen);
}

exit_code discovery_run::report_nothing_found() const {
    at_.screen.complain("No portals found");
    if (filtered_ > 0)
        at_.screen.complain(fmt::format(
            "discovery.sendtargets.filter of this portal leaves out all {} that it names", filtered_
        ));
    return exit_code::no_objects_found;
}

// An interface by name that is not there costs a line, not the discovery; only when none is left
// there is nothing to bind to.
exit_code discovery_run::use_interfaces(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const auto interface = find_named_interface(name, at_);
        if (interface && interface->bad_values().empty())
            interfaces_.add(*interface);
        else
            interfaces_.leave_out(name, ""); // the reason has been told
    }
    return interfaces_.empty() ? exit_code::no_objects_found : exit_code::success;
}

// -I, then the filter of the discovery record, then all that there are.
exit_code discovery_run::choose_interfaces() {
    if (!job_.interfaces.empty())
        return use_interfaces(job_.interfaces);
    if (!filter_.interfaces().empty())
        return use_interfaces(filter_.interfaces());
    interfaces_ = discovery::all_interfaces(at_.store);
    for (const auto& warning : interfaces_.warnings())
        at_.screen.complain(warning);
    return exit_code::success;
}

// Without the daemon no other interface has an answer either.
bool is_of_daemon(exit_code code) {
    return code == exit_code::daemon_communication || code == exit_code::daemon_not_connected;
}

// A target may show other things to another initiator name: those that look the same ask once. An
// interface that gets no answer costs what only it would have found.
exit_code discovery_run::ask_by_interfaces() {
    std::map<discovery::appearance, std::optional<portals>> answers;
    bool is_answered = false;
    for (const std::string& name : interfaces_.names()) {
        const auto seen_as = discovery::appearance_of(interfaces_.at(name));
        auto& answer = answers[seen_as];
        if (!answer) {
            const std::string by = seen_as == discovery::appearance() ? std::string() : name;
            // Without any identity of its own the daemon uses its own, and the call names no
            // interface.
            const auto asked = ask(by, answer.emplace());
            if (is_of_daemon(asked))
                return asked;
            unanswered_.add(asked);
            is_answered |= asked == exit_code::success;
            refuse_bad(*answer);
            apply_filter(*answer);
        }
        const auto bound = discovery::bind_to_interfaces(*answer, {name});
        found_.insert(found_.end(), bound.begin(), bound.end());
    }
    return is_answered ? exit_code::success : unanswered_.code();
}

// A daemon whose replies end without a finished one has died under the call: that is no empty
// answer.
exit_code discovery_run::ask(const std::string& interface, portals& answer) {
    const admin::discovery_id source = id_of_discovery(job_.settings);
    admin::discover_progress last;
    const auto listen = [this, &last](const admin::discover_progress& progress) {
        for (const std::string& note : progress.notes)
            at_.screen.complain(note);
        if (progress.finished)
            last = progress;
    };
    const auto called = at_.daemon.discover(
        {source.address,
         source.port,
         job_.use_record,
         interface,
         is_isns(job_.settings) ? "isns" : ""},
        patience_for(job_.settings),
        listen
    );
    if (!called)
        return could_not_discover(
            job_.settings, report_call(called.error(), at_.screen), at_.screen
        );
    if (!last.finished)
        return could_not_discover(job_.settings, exit_code::daemon_communication, at_.screen);
    if (last.code != exit_code::success)
        return could_not_discover(job_.settings, last.code, at_.screen);
    answer = std::move(last.portals);
    return exit_code::success;
}

// The daemon has checked them; they become paths and lines here, so they are checked again, as the
// record tree does.
void discovery_run::refuse_bad(portals& found) {
    std::erase_if(found, [this](const admin::discovered_portal& portal) {
        const auto checked = admin::check_new(
            {portal.target, portal.address, portal.port, portal.group_tag, "default"}
        );
        if (!checked)
            at_.screen.complain(
                fmt::format("target {} left out: {}", shown(portal.target), checked.error().text())
            );
        return !checked;
    });
}

// What users have asked for is no trouble, so it is said only to whoever looks for a cause.
void discovery_run::apply_filter(portals& found) {
    filtered_ += std::erase_if(found, [this](const admin::discovered_portal& portal) {
        const bool admitted = filter_.admits(portal);
        if (!admitted)
            at_.screen.explain(fmt::format(
                "discovery.sendtargets.filter leaves out {} at {}:{}",
                portal.target,
                portal.address,
                portal.port
            ));
        return !admitted;
    });
}

// Under one lock from the first look to the last record: what was kept or planned stays true.
exit_code discovery_run::store() {
    if (!job_.changes.persistent)
        return exit_code::success;
    const auto sessions = job_.changes.remove_gone ? sessions_if_running(at_) : session_list();
    if (!sessions)
        return report_call(sessions.error(), at_.screen);
    auto edit = at_.store.edit();
    if (!edit)
        return report_database(edit.error(), at_.screen);
    auto plan = writer_.plan(found_, *edit);
    if (!plan)
        return report_database(plan.error(), at_.screen);
    std::erase_if(plan->remove, [this](const admin::node_id& id) {
        return interfaces_.leaves_out(id.interface);
    });
    if (const auto written = write(plan->write, *edit); written != exit_code::success)
        return written;
    if (unanswered_.code() != exit_code::success) // its records may be there as ever
        return exit_code::success;
    return remove_gone(plan->remove, *sessions, *edit, at_);
}

exit_code discovery_run::write(std::vector<admin::node_id> ids, admin::record_edit& edit) {
    if (ids.empty())
        return exit_code::success;
    const auto written = writer_.write(std::move(ids), load_config(at_).new_node(), edit);
    for (const auto& warning : writer_.warnings())
        at_.screen.complain(warning);
    if (!written.why)
        return exit_code::success;
    const auto code = report_database(*written.why, at_.screen);
    at_.screen.complain(
        fmt::format("{} of {} records are written, the others are not", written.done, written.of)
    );
    return code;
}

// What a session uses stays: a named exception, and no failure of the discovery.
void discovery_run::print() const {
    at_.out.show(found_nodes{found_, job_.print_level});
}

// The stored records are used, not the template: with `-o new` existing ones have kept what an
// administrator changed.
exit_code discovery_run::log_in_to_found() {
    return log_in_to_recorded(found_, at_);
}

// The daemon logs in by records: those that are missing are there for as long as that lasts. It
// needs none to reconnect.
exit_code discovery_run::log_in_without_records() {
    std::vector<admin::node_id> made;
    if (const auto code = make_missing(made); code != exit_code::success)
        return code;
    first_failure failure;
    failure.add(log_in_to_found());
    auto edit = at_.store.edit();
    if (!edit) {
        failure.add(report_database(edit.error(), at_.screen));
        return failure.code();
    }
    edit->begin_many(made.size());
    for (const admin::node_id& id : made)
        if (const auto removed = edit->remove(id); !removed)
            failure.add(report_database(removed.error(), at_.screen));
    if (const auto ended = edit->end_many(); !ended)
        failure.add(report_database(ended.error(), at_.screen));
    return failure.code();
}

exit_code discovery_run::make_missing(std::vector<admin::node_id>& made) {
    auto edit = at_.store.edit();
    if (!edit)
        return report_database(edit.error(), at_.screen);
    const auto present = writer_.look(found_).present;
    std::ranges::copy_if(found_, std::back_inserter(made), [&present](const auto& id) {
        return !present.contains(id);
    });
    const auto written = write(made, *edit);
    if (written != exit_code::success)
        for (const admin::node_id& id : made)
            static_cast<void>(edit->remove(id));
    return written;
}

} // namespace

discovery::changes changes_of(const operations& ops) {
    if (!ops.create && !ops.update && !ops.remove)
        return {.persistent = !ops.nonpersistent && !ops.show};
    return {
        .add = ops.create,
        .rewrite = ops.update,
        .keep_edits = !ops.update,
        .remove_gone = ops.remove,
        .persistent = !ops.nonpersistent,
    };
}

exit_code report_filter(const fault& why, context& at) {
    const auto in_file = discovery::check_filter_of(at.where.config_file());
    const bool from_file =
        !in_file && in_file.error().got == why.got && in_file.error().field.ends_with(why.field);
    return report_invalid(from_file ? in_file.error().text() : why.text(), at.screen);
}

exit_code discover(const discovery_job& job, context& at) {
    if (job.print_level > 1)
        return report_bad_level(job.print_level, "0 or 1", at.screen);
    at.out.show(opened{document_kind::discovery});
    auto filter = discovery::portal_filter::read(job.settings);
    if (!filter)
        return report_filter(filter.error(), at);
    return discovery_run(job, *std::move(filter), at).run();
}

} // namespace iscsi::cli
