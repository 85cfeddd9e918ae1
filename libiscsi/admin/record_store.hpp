#pragma once

#include "libiscsi/admin/record_edit.hpp"
#include "libiscsi/admin/record_reader.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace iscsi::admin {

// The record tree of open-iscsi under one root (see var-layout/README.md). Every write is temp +
// fsync + rename + fsync of the folder; changes hold an OFD lock on <root>/.lock, only around file
// operations. Names are checked before they touch a path.
// Any number of threads and processes may use one tree: readers see whole files without a lock,
// writers wait for each other. A store has no state of its own but the root; making one is cheap.
class record_store {
  public:
    using options = change_options;
    using selection = record_selection;

    explicit record_store(const std::filesystem::path& root);
    record_store(const std::filesystem::path& root, options how);

    const std::filesystem::path& root() const { return root_; }

    // ---- changing ----
    // Takes the lock. Faults: file_errc::lock_failed, ::write_failed.
    result<record_edit> edit();

    // One step by itself; see record_edit. For whoever writes what does not depend on what is
    // there.
    result<void> write(const record& node);
    result<void> remove(const node_id& id);
    result<void> write_discovery(const record& from);
    result<void> remove_discovery(const discovery_id& id);
    result<void> write_interface(const record& interface);
    result<void> remove_interface(std::string_view name);

    // ---- nodes ----
    // Both forms: nodes/T/A,P,tag/iface and, without a tag, nodes/T/A,P. A record that is removed
    // while we read is left out; any other that cannot be read is in `unreadable`.
    selection select(const node_filter& filter) const;
    // Their ids alone, for who needs no more; quicker by far.
    id_selection list(const node_filter& filter) const;
    // A record without a group tag and the one with it are one: where only the other is there, it
    // is found. Asked for without a tag, that is the first one.
    result<std::optional<record>> find(const node_id& id) const;
    // The group tag under which the portal of `id` has records; that of `id` when there is none.
    int known_group_tag(const node_id& id) const;

    // ---- discovery sources ----
    std::vector<discovery_id> discoveries() const;
    result<std::optional<record>> find_discovery(const discovery_id& id) const;
    std::vector<node_id> discovered_by(const discovery_id& id) const;

    // ---- interfaces ----
    selection select_interfaces() const; // stored ones, sorted; without default and iser
    result<std::optional<record>> find_interface(std::string_view name) const;

  private:
    template <class Step, class What>
    result<void> alone(const result<void>& names, Step step, const What& what);

    std::filesystem::path root_;
    options options_;
};

} // namespace iscsi::admin
