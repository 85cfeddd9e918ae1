#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"
#include "iscsiadm/modes/hosts.hpp"

#include "libiscsi/discovery/interfaces.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace iscsi::cli {

// The records that a filter matches. Those that cannot be read are named on stderr; `code` is
// exit_code::database when there are no others.
struct chosen_records {
    std::vector<admin::record> records;
    exit_code code = exit_code::success;
};

// The address of the filter may be a name, or another spelling of the record's.
chosen_records choose_records(const admin::node_filter& filter, context& at);

// All nodes, where no more than their names is needed: quicker than choose_records by far.
struct listed_nodes {
    std::vector<admin::node_id> ids;
    exit_code code = exit_code::success; // of the unreadable ones, each reported
};

listed_nodes list_all(context& at);

// Whether the filter means this node; addresses are compared as in choose_records.
class node_choice {
  public:
    explicit node_choice(const admin::node_filter& filter);

    bool means(const admin::node_id& id);

    // Everything but the address.
    const admin::node_filter& without_address() const { return rest_; }

  private:
    admin::node_filter rest_;
    std::optional<std::string> address_;
    host_comparison hosts_;
};

// In the order of the records.
std::vector<admin::node_id> ids_of(const std::vector<admin::record>& records);

// Applies -n/-v to every record of the filter: all of them or, when one value is refused, none.
// Reading, changing and writing happen under one lock: two of these never lose each other's work.
exit_code update_records(const admin::node_filter& filter, const assignments& changes, context& at);

// Removes every record of the filter that no session uses; the others are named on stderr.
exit_code remove_records(const admin::node_filter& filter, context& at);

// The same with records that were chosen already, as a step of a longer change; `remove` is called
// for each that no session uses. The first failure.
exit_code remove_unused(
    const std::vector<admin::node_id>& records,
    const std::vector<admin::session_info>& sessions,
    const std::function<result<void>(const admin::node_id&)>& remove,
    context& at
);

// Removes what a discovery does not name any more, without a line on stdout; what a session uses
// stays, and is told. The first failure ends it.
exit_code remove_gone(
    const std::vector<admin::node_id>& gone,
    const std::vector<admin::session_info>& sessions,
    admin::record_edit& edit,
    context& at
);

// Marks the lines of its file that cannot be used, on stderr. For whoever shows a record or would
// act by it; lists and changes of other keys leave them alone.
void report_bad_values(const admin::record& record, console& screen);

// The lines of its file that are none, on stderr: a record that was changed is written without
// them. For after the writing.
void report_lost_lines(const admin::record& record, console& screen);

// The summary line of update and delete, after the lines about each record; nothing on success.
exit_code could_not_execute(exit_code code, console& screen);

// -n names nothing that node mode may change, whatever the records: 7, with open-iscsi's words.
// Else success.
exit_code check_node_changes(const assignments& changes, console& screen);

// Sets the values of -n/-v; the first refusal is explained on stderr in open-iscsi's words.
exit_code apply_changes(admin::record& record, const assignments& changes, console& screen);

// "This command will remove the record […], but a session is using it. …"
// open-iscsi's words, without a reason of our own: scripts compare the whole line.
std::string record_is_used(const admin::node_id& node);

// The interface record of this name: a stored one, `default` or `iser`.
result<std::optional<admin::record>> find_interface(const std::string& name, context& at);

// The same of -I, where one that is not there costs a line in open-iscsi's words and no more.
std::optional<admin::record> find_named_interface(const std::string& name, context& at);

using discovery::built_in_interface;
using discovery::is_built_in;
using discovery::make_node;

} // namespace iscsi::cli
