#include "iscsiadm/print/json_answer.hpp"

#include "iscsiadm/print/json_members.hpp"
#include "iscsiadm/print/json_text.hpp"
#include "iscsiadm/print/reservations.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace iscsi::cli {

namespace {

namespace json = boost::json;

struct kind_row {
    document_kind kind{};
    std::string_view word;
    std::string_view list; // the member that is always there; empty: none
};

constexpr std::array kind_rows = {
    kind_row{document_kind::result, "result", ""},
    kind_row{document_kind::sessions, "sessions", "sessions"},
    kind_row{document_kind::session_statistics, "session_statistics", "statistics"},
    kind_row{document_kind::hosts, "hosts", "hosts"},
    kind_row{document_kind::nodes, "nodes", "nodes"},
    kind_row{document_kind::node_records, "node_records", "records"},
    kind_row{document_kind::discoveries, "discoveries", "discoveries"},
    kind_row{document_kind::discovery_records, "discovery_records", "records"},
    kind_row{document_kind::interfaces, "interfaces", "interfaces"},
    kind_row{document_kind::interface_records, "interface_records", "records"},
    kind_row{document_kind::discovery, "discovery", "nodes"},
    kind_row{document_kind::logins, "logins", "logins"},
    kind_row{document_kind::logouts, "logouts", "logouts"},
    kind_row{document_kind::rescans, "rescans", "rescans"},
    kind_row{document_kind::failed_io, "failed_io", "failed_io"},
    kind_row{document_kind::attached_luns, "attached_luns", "attached_luns"},
    kind_row{document_kind::detached_luns, "detached_luns", "detached_luns"},
    kind_row{document_kind::session_luns, "session_luns", "session_luns"},
    kind_row{
        document_kind::persistent_reservations,
        "persistent_reservations",
        "persistent_reservations"},
    kind_row{document_kind::changes, "changes", "changes"},
    kind_row{document_kind::import, "import", ""},
    kind_row{document_kind::version, "version", ""},
    kind_row{document_kind::usage, "usage", ""},
};

const kind_row& row_of(document_kind kind) {
    return *std::ranges::find(kind_rows, kind, &kind_row::kind);
}

// What is done to sessions: the kind of its document, and its outcome when all went well.
struct action_row {
    session_action action{};
    document_kind kind{};
    std::string_view done;
    std::string_view was_done{}; // of one LUN, when that was so already

    bool is_about_lun() const { return !was_done.empty(); }

    std::string_view outcome(const session_end& end) const {
        if (end.code != admin::exit_code::success)
            return "failed";
        return is_about_lun() && !end.one_lun.changed ? was_done : done;
    }
};

constexpr std::array action_rows = {
    action_row{session_action::log_out, document_kind::logouts, "logged_out"},
    action_row{session_action::rescan, document_kind::rescans, "rescanned"},
    action_row{session_action::fail_io, document_kind::failed_io, "io_failed"},
    action_row{session_action::attach_lun, document_kind::attached_luns, "attached", "present"},
    action_row{session_action::detach_lun, document_kind::detached_luns, "detached", "absent"},
    action_row{session_action::describe_luns, document_kind::session_luns, "described"},
};

const action_row& row_of(session_action action) {
    return *std::ranges::find(action_rows, action, &action_row::action);
}

std::string_view word_of(login_outcome outcome) {
    switch (outcome) {
    case login_outcome::logged_in:
        return "logged_in";
    case login_outcome::requested:
        return "requested";
    case login_outcome::present:
        return "present";
    case login_outcome::failed:
        break;
    }
    return "failed";
}

std::string_view word_of(record_action action) {
    switch (action) {
    case record_action::add:
        return "add";
    case record_action::update:
        return "update";
    case record_action::remove:
        return "delete";
    case record_action::apply:
        break;
    }
    return "apply";
}

// Words only where something went wrong.
json::value error_or_null(admin::exit_code code) {
    return code == admin::exit_code::success ? json::value(nullptr) : json::value(to_text(code));
}

void add_code(json::object& to, admin::exit_code code) {
    to["exit_code"] = static_cast<int>(code);
    to["error"] = error_or_null(code);
}

json::array texts(const std::vector<std::string>& from) {
    json::array all;
    for (const std::string& text : from)
        all.emplace_back(text);
    return all;
}

json::array nodes_of(const std::vector<admin::node_id>& nodes) {
    json::array all;
    for (const admin::node_id& node : nodes)
        all.push_back(node_members(node));
    return all;
}

json::array luns_of(const std::vector<admin::lun_details>& luns) {
    json::array all;
    for (const admin::lun_details& unit : luns)
        all.push_back(lun_details_members(unit));
    return all;
}

// The end of something that was done to a session or a node.
json::object end_members(
    std::string_view outcome,
    admin::exit_code code,
    const std::string& detail,
    const std::vector<std::string>& warnings
) {
    json::object end{{"outcome", outcome}};
    add_code(end, code);
    end["detail"] = text_or_null(detail);
    end["warnings"] = texts(warnings);
    return end;
}

json::object change_members(record_action action, std::string_view kind) {
    return {{"action", word_of(action)}, {"record", kind}};
}

// One call operator per kind of answer, for std::visit. Each gives the kind of document that the
// answer would begin, and adds to its members.
struct to_members {
    json::object& members;

    json::array& list(std::string_view name) const {
        return members.emplace(name, json::array()).first->value().get_array();
    }

    json::array& list_of(document_kind kind) const { return list(row_of(kind).list); }

    document_kind operator()(const opened& what) const {
        if (const auto name = row_of(what.kind).list; !name.empty())
            list(name);
        return what.kind;
    }

    document_kind operator()(const shown_sessions& what) const {
        members["level"] = what.level;
        json::array& all = list_of(document_kind::sessions);
        for (const shown_session& session : what.sessions)
            all.push_back(session_members(session, what.level));
        return document_kind::sessions;
    }

    document_kind operator()(const statistics_list& what) const {
        json::array& all = list_of(document_kind::session_statistics);
        for (const admin::session_info& session : what.sessions)
            all.push_back(statistics_members(session));
        return document_kind::session_statistics;
    }

    document_kind operator()(const host_list& what) const {
        members["level"] = what.level;
        json::array& all = list_of(document_kind::hosts);
        for (const shown_session& session : what.sessions)
            all.push_back(host_members(session, what.level));
        return document_kind::hosts;
    }

    document_kind operator()(const node_list& what) const {
        members["level"] = what.level;
        members["nodes"] = nodes_of(what.nodes);
        return document_kind::nodes;
    }

    static bool is_isns(const discovery_branch& branch) {
        return branch.source.kind == admin::source_kind::isns;
    }

    document_kind operator()(const discovery_list& what) const {
        members["level"] = what.level;
        json::array& all = list_of(document_kind::discoveries);
        for (const discovery_branch& branch : what.sources) {
            json::object source{
                {"type", is_isns(branch) ? "isns" : "sendtargets"},
                {"address", branch.source.address},
                {"port", branch.source.port}};
            if (what.level > 0)
                source["nodes"] = nodes_of(branch.nodes);
            all.push_back(std::move(source));
        }
        if (what.level > 0) {
            members["static_nodes"] = nodes_of(what.fixed);
            members["firmware_nodes"] = nodes_of(what.firmware);
        }
        return document_kind::discoveries;
    }

    document_kind operator()(const interface_list& what) const {
        members["level"] = what.level;
        json::array& all = list_of(document_kind::interfaces);
        for (const admin::record& record : what.interfaces) {
            json::object interface = interface_members(record);
            if (what.level > 0)
                interface["nodes"] =
                    nodes_of(bound_to(record.get("iface.iscsi_ifacename"), what.nodes));
            all.push_back(std::move(interface));
        }
        return document_kind::interfaces;
    }

    document_kind operator()(const found_nodes& what) const {
        members["nodes"] = nodes_of(what.nodes);
        return document_kind::discovery;
    }

    document_kind operator()(const shown_record& what) const {
        list("records").push_back(record_members(what.record, what.reveal));
        switch (what.record.get().kind()) {
        case admin::record_kind::node:
            return document_kind::node_records;
        case admin::record_kind::send_targets:
        case admin::record_kind::isns:
            return document_kind::discovery_records;
        case admin::record_kind::interface:
            break;
        }
        return document_kind::interface_records;
    }

    document_kind operator()(const shown_firmware& what) const {
        list("records").push_back(firmware_members(what.settings));
        return document_kind::node_records;
    }

    // A login that has begun is no result yet.
    document_kind operator()(const login_start& what) const {
        if (what.planned)
            add_login(what.node, 0, end_members("planned", admin::exit_code::success, "", {}), {});
        return document_kind::logins;
    }

    document_kind operator()(const login_end& what) const {
        add_login(
            what.node,
            what.sid,
            end_members(word_of(what.outcome), what.code, what.detail, what.warnings),
            what.notes
        );
        return document_kind::logins;
    }

    void add_login(
        const admin::node_id& node,
        std::uint32_t sid,
        const json::object& end,
        const std::vector<std::string>& notes
    ) const {
        json::object login{
            {"node", node_members(node)},
            {"sid", sid == 0 ? json::value(nullptr) : json::value(sid)}};
        add_all(login, end);
        login["notes"] = texts(notes);
        list("logins").push_back(std::move(login));
    }

    document_kind operator()(const session_start& what) const {
        if (what.planned)
            add_session(
                what.action, what.session, end_members("planned", admin::exit_code::success, "", {})
            );
        return row_of(what.action).kind;
    }

    document_kind operator()(const session_end& what) const {
        const auto& row = row_of(what.action);
        auto end = end_members(row.outcome(what), what.code, what.detail, what.warnings);
        if (what.action == session_action::fail_io)
            end["commands"] = what.commands ? json::value(*what.commands) : json::value(nullptr);
        if (what.action == session_action::describe_luns)
            end["luns"] = luns_of(what.luns);
        if (row.is_about_lun()) {
            end["lun"] = what.one_lun.lun;
            end["disk"] = text_or_null(what.one_lun.disk);
        }
        add_session(what.action, what.session, end);
        return row.kind;
    }

    void add_session(
        session_action action, const admin::session_info& session, const json::object& end
    ) const {
        json::object item{{"sid", session.sid}, {"node", node_members(session.node)}};
        add_all(item, end);
        list_of(row_of(action).kind).push_back(std::move(item));
    }

    document_kind operator()(const reservation_end& what) const {
        json::object item = reservation_members(what);
        add_code(item, what.how.code);
        list_of(document_kind::persistent_reservations).push_back(std::move(item));
        return document_kind::persistent_reservations;
    }

    document_kind operator()(const node_change& what) const {
        json::object change = change_members(what.action, "node");
        change["node"] = node_members(what.node);
        change["planned"] = what.planned;
        return add_change(std::move(change), what.code);
    }

    document_kind operator()(const session_change& what) const {
        json::object change = change_members(record_action::apply, "session");
        change["node"] = node_members(what.session.node);
        change["session"] = json::object{
            {"sid", what.session.sid},
            {"now", texts(what.how.now)},
            {"at_login", texts(what.how.at_login)},
            {"later", texts(what.how.later)}};
        change["planned"] = false;
        return add_change(std::move(change), what.how.code);
    }

    document_kind operator()(const discovery_change& what) const {
        json::object change = change_members(what.action, "discovery");
        change["source"] =
            json::object{{"address", what.source.address}, {"port", what.source.port}};
        change["planned"] = false;
        return add_change(std::move(change), admin::exit_code::success);
    }

    document_kind operator()(const interface_change& what) const {
        json::object change = change_members(what.action, "interface");
        change["interface"] = text_or_null(what.name.value_or(""));
        change["planned"] = false;
        return add_change(std::move(change), admin::exit_code::success);
    }

    document_kind add_change(json::object change, admin::exit_code code) const {
        add_code(change, code);
        list_of(document_kind::changes).push_back(std::move(change));
        return document_kind::changes;
    }

    document_kind operator()(const import_result& what) const {
        members["imported"] = json::object{
            {"nodes", what.nodes},
            {"discoveries", what.discoveries},
            {"interfaces", what.interfaces},
            {"database", what.database}};
        return document_kind::import;
    }

    document_kind operator()(const version_answer& what) const {
        members["compatible_version"] = what.compatible_version;
        return document_kind::version;
    }

    document_kind operator()(const usage_answer& what) const {
        members["text"] = what.text;
        return document_kind::usage;
    }

    static std::vector<admin::node_id>
    bound_to(const std::string& interface, std::vector<admin::node_id> nodes) {
        std::erase_if(nodes, [&](const auto& node) { return node.interface != interface; });
        return nodes;
    }
};

} // namespace

std::string_view word_of(document_kind kind) {
    return row_of(kind).word;
}

void json_document::add(const answer& what) {
    const document_kind kind = std::visit(to_members{members_}, what);
    if (kind_ == document_kind::result)
        kind_ = kind;
}

json::object
json_document::finish(admin::exit_code code, const std::vector<std::string>& messages) {
    json::object document{{"version", json_version}, {"kind", word_of(kind_)}};
    add_code(document, code);
    document["messages"] = texts(messages);
    for (auto& member : members_)
        document[member.key()] = std::move(member.value());
    document["not_utf8"] = make_utf8(document);
    return document;
}

} // namespace iscsi::cli
