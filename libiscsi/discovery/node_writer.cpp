#include "libiscsi/discovery/node_writer.hpp"

#include "libiscsi/discovery/origin.hpp"

#include <algorithm>

namespace iscsi::discovery {

std::vector<admin::assignment> origin_of(const admin::discovery_id& source) {
    return {
        {"node.discovery_address", source.address},
        {"node.discovery_port", std::to_string(source.port)},
        {"node.discovery_type", source.kind == admin::source_kind::isns ? "isns" : "send_targets"}};
}

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
        if (record && *record &&
            !((*record)->user_keys().empty() && (*record)->bad_values().empty()))
            edited_.insert_or_assign(id, **record);
    }
    present_ = there.present;
    return there;
}

written_nodes node_writer::write(
    std::vector<admin::node_id> ids, const admin::record& node_template, admin::record_edit& edit
) {
    std::ranges::stable_sort(ids, {}, &admin::node_id::target);
    std::erase_if(ids, [this](const admin::node_id& id) { return stays(id); });
    const auto records = records_of(ids, node_template);
    if (!records)
        return {0, ids.size(), records.error()};
    edit.begin_many(*records);
    auto done = write_targets(*records, edit);
    if (done.why)
        return done;
    if (const auto ended = edit.end_many(); !ended)
        return {0, ids.size(), ended.error()};
    return done;
}

// A record that is cut may have held what its user set: only somebody who looks at it can tell.
bool node_writer::stays(const admin::node_id& id) {
    const auto before = edited_.find(id);
    if (before == edited_.end())
        return false;
    const auto& record = before->second;
    const bool cut = record.whole() == admin::wholeness::cut;
    for (const auto& bad : record.bad_values()) {
        const bool kept = allowed_.keep_edits && record.user_keys().contains(bad.name);
        warnings_.push_back(
            bad.why + (cut    ? "; the record is left as it is"
                       : kept ? "; kept as it stands"
                              : "; written anew")
        );
    }
    return cut;
}

result<std::vector<admin::record>> node_writer::records_of(
    const std::vector<admin::node_id>& ids, const admin::record& node_template
) const {
    std::vector<admin::record> records;
    records.reserve(ids.size());
    for (const admin::node_id& id : ids) {
        auto record = new_record(node_template, id);
        if (!record)
            return record.error();
        keep_edits(id, *record);
        records.push_back(*std::move(record));
    }
    return records;
}

// One target after the other: the records of one are all there, or as they were.
written_nodes
node_writer::write_targets(std::span<const admin::record> records, admin::record_edit& edit) const {
    std::size_t done = 0;
    while (done < records.size()) {
        const auto rest = records.subspan(done);
        const auto& target = rest.front().get("node.name");
        const auto is_other = [&target](const admin::record& each) {
            return each.get("node.name") != target;
        };
        const auto end = std::ranges::find_if(rest, is_other);
        const auto count = static_cast<std::size_t>(end - rest.begin());
        if (const auto written = write_target(rest.first(count), edit); !written)
            return {done, records.size(), written.error()};
        done += count;
    }
    return {done, records.size()};
}

result<void>
node_writer::write_target(std::span<const admin::record> records, admin::record_edit& edit) const {
    for (const admin::record& record : records) {
        auto written = edit.write(record);
        if (written)
            continue;
        for (const admin::record& each : records)
            if (const auto id = id_of(each); !present_.contains(id))
                static_cast<void>(edit.remove(id));
        return written;
    }
    return {};
}

result<admin::record>
node_writer::new_record(const admin::record& node_template, const admin::node_id& id) const {
    auto node = make_node(node_template, id, by_.at(id.interface));
    if (!node)
        return node;
    for (const auto& [key, value] : origin_of(source_))
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
