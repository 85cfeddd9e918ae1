#include "libiscsi/discovery/node_writer.hpp"

#include <algorithm>

namespace iscsi::discovery {

result<record_plan>
node_writer::plan(std::vector<admin::node_id>& found, admin::record_edit& edit) {
    for (admin::node_id& id : found) {
        if (id.group_tag < 0) // not told: it is the record that there is
            id.group_tag = store_.known_group_tag(id);
        if (const auto adopted = edit.adopt_group_tag(id); !adopted)
            return adopted.error();
    }
    return plan_records(found, look(found), allowed_);
}

stored_records node_writer::look(const std::vector<admin::node_id>& found) {
    stored_records there{.present = {}, .earlier = store_.discovered_by(source_)};
    for (const admin::node_id& id : found) {
        const auto record = store_.find(id);
        if (!record || *record)
            there.present.insert(id);
        if (record && *record && !(*record)->user_keys().empty())
            edited_.insert_or_assign(id, **record);
    }
    present_ = there.present;
    return there;
}

written_nodes node_writer::write(
    std::vector<admin::node_id> ids, const admin::record& node_template, admin::record_edit& edit
) {
    std::ranges::stable_sort(ids, {}, &admin::node_id::target);
    for (auto first = ids.begin(); first != ids.end();) {
        const auto is_other = [&](const auto& id) { return id.target != first->target; };
        const auto end = std::find_if(first, ids.end(), is_other);
        if (const auto written = write_target({first, end}, node_template, edit); !written)
            return {static_cast<std::size_t>(first - ids.begin()), ids.size(), written.error()};
        first = end;
    }
    return {ids.size(), ids.size()};
}

result<void> node_writer::write_target(
    std::span<const admin::node_id> records,
    const admin::record& node_template,
    admin::record_edit& edit
) {
    for (const admin::node_id& id : records) {
        auto written = write_one(id, node_template, edit);
        if (written)
            continue;
        for (const admin::node_id& each : records)
            if (!present_.contains(each))
                static_cast<void>(edit.remove(each));
        return written;
    }
    return {};
}

result<void> node_writer::write_one(
    const admin::node_id& id, const admin::record& node_template, admin::record_edit& edit
) {
    auto record = new_record(node_template, id);
    if (!record)
        return record.error();
    keep_edits(id, *record);
    return edit.write(*record);
}

// The source of a record is what `discoverydb -o delete` finds it by.
result<admin::record>
node_writer::new_record(const admin::record& node_template, const admin::node_id& id) const {
    auto node = make_node(node_template, id, by_.at(id.interface));
    if (!node)
        return node;
    const std::vector<admin::assignment> origin{
        {"node.discovery_address", source_.address},
        {"node.discovery_port", std::to_string(source_.port)},
        {"node.discovery_type",
         source_.kind == admin::source_kind::isns ? "isns" : "send_targets"}};
    for (const auto& [key, value] : origin)
        if (const auto set = node->assign(key, value); !set)
            return set.error();
    return node;
}

// What iscsid.conf says now applies to a record that is there already, as tutorials rely on; what
// somebody has set in it by -o update does not change behind his back.
void node_writer::keep_edits(const admin::node_id& id, admin::record& node) const {
    if (!allowed_.keep_edits)
        return;
    if (const auto before = edited_.find(id); before != edited_.end())
        keep_user_settings(before->second, node);
}

} // namespace iscsi::discovery
