#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"
#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/admin/record_tree.hpp"

// The ifaces branch of the record store.
namespace iscsi::admin {

record_store::selection record_store::select_interfaces() const {
    selection all;
    const auto names = list_folder(record_tree(root_).interfaces());
    if (!names) {
        all.unreadable.push_back(names.error());
        return all;
    }
    for (const auto& name : *names) {
        if (!is_stored_interface(name))
            continue;
        auto found = find_interface(name);
        const bool is_good = found && *found && !(*found)->is_damaged();
        if (!is_good && is_leftover(name))
            continue;
        if (!found)
            all.unreadable.push_back(found.error());
        else if (*found)
            all.records.push_back(std::move(**found));
    }
    return all;
}

result<std::optional<record>> record_store::find_interface(std::string_view name) const {
    if (auto safe = check_interface_name(name); !safe)
        return safe.error();
    const auto file = record_tree(root_).interfaces() / name;
    auto found = read_record(record_kind::interface, file);
    if (!found || !*found)
        return found;
    if ((*found)->is_damaged()) // its path says who it is
        static_cast<void>((*found)->assign("iface.iscsi_ifacename", name));
    const auto& said = (*found)->get("iface.iscsi_ifacename");
    if (said == name)
        return found;
    return fault{to_error_code(file_errc::misplaced), file, said, std::string(name)};
}

} // namespace iscsi::admin
