#include "libiscsi/discovery/interfaces.hpp"

#include <algorithm>

namespace iscsi::discovery {

bool is_built_in(std::string_view interface) {
    return interface == "default" || interface == "iser";
}

// `iser` exists because open-iscsi has it; a login through it is refused by name (transport not
// supported).
admin::record built_in_interface(std::string_view name) {
    admin::record interface(admin::record_kind::interface);
    (void)interface.assign("iface.iscsi_ifacename", name);
    (void)interface.assign("iface.transport_name", name == "iser" ? "iser" : "tcp");
    return interface;
}

// A file named `default` would never be read: the program's own comes first.
result<std::optional<admin::record>>
find_interface(const admin::record_store& store, const std::string& name) {
    if (is_built_in(name))
        return std::optional(built_in_interface(name));
    return store.find_interface(name);
}

void interface_choice::add(const admin::record& interface) {
    const auto& name = interface.get("iface.iscsi_ifacename");
    if (records_.emplace(name, interface).second)
        names_.push_back(name);
}

void interface_choice::leave_out(const std::string& name, std::string why) {
    left_out_.insert(name);
    if (!why.empty())
        warnings_.push_back(std::move(why) + "; the interface is left out");
}

interface_choice all_interfaces(const admin::record_store& store) {
    const auto stored = store.select_interfaces();
    interface_choice all;
    for (const auto& why : stored.unreadable)
        all.leave_out(std::filesystem::path(why.field).filename().string(), why.text());
    for (const auto& each : stored.records)
        if (!each.bad_values().empty())
            all.leave_out(each.get("iface.iscsi_ifacename"), each.bad_values().front().why);
        else if (each.get("iface.transport_name") == "tcp")
            all.add(each);
    if (all.empty())
        all.add(built_in_interface("default"));
    return all;
}

appearance appearance_of(const admin::record& interface) {
    return {
        interface.get("iface.initiatorname"),
        interface.get("iface.net_ifacename"),
        interface.get("iface.hwaddress")};
}

result<admin::record>
make_node(admin::record from_template, const admin::node_id& id, const admin::record& interface) {
    const auto& bad = interface.bad_values();
    const auto is_bad = [&bad](const std::string& name) {
        return std::ranges::any_of(bad, [&name](const auto& one) { return one.name == name; });
    };
    for (const auto& one : bad)
        from_template.keep_bad(one);
    for (const auto& [name, value] : interface.entries())
        if (is_bad(name))
            continue;
        else if (const auto set = from_template.set(name, value); !set)
            return set.error();
    if (const auto selected = select_as(from_template, id); !selected)
        return selected.error();
    return from_template;
}

} // namespace iscsi::discovery
