#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/admin/record_id.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

// The names in the record tree (var-layout/README.md). Pure: nothing here looks at the disk.
namespace iscsi::admin {

// Every name is checked before it becomes part of a path. Faults: name_errc.
// They may not begin with a dot (our own files do, and "..") and hold neither slash nor comma,
// blank or control character.
result<void> check_address(std::string_view address);
result<void> check_interface_name(std::string_view name);
result<void> check_paths(const node_id& id); // safe to look up
result<void> check_new(const node_id& id);   // safe, and right by RFC 7143 §4.2.7
result<void> check_paths(const discovery_id& id);

// "10.0.0.1,3260"
// The separators of these names are open-iscsi's: a comma, which none of the parts may hold.
std::string portal_name(const discovery_id& id);
// Nothing for a name that no portal has: somebody else's file in our folder. Its kind is that of
// the folder where it stands.
std::optional<discovery_id> parse_portal_name(std::string_view name);

// "10.0.0.1,3260,1", without the tag when it is not known.
std::string portal_name(const node_id& id);

// Back from that name: address, port and group tag of an id whose other parts are not known.
std::optional<node_id> parse_node_portal(std::string_view name);

// "<target>,10.0.0.1,3260,1,default"
std::string link_name(const node_id& id);
std::optional<node_id> parse_link_name(std::string_view name);

// Whether an interface of this name has a file: the built-in ones, default and iser, have none, and
// iface.example is the commented file that open-iscsi installs.
bool is_stored_interface(std::string_view name);

// From what selects a record to its path, and back. Paths are as safe as the id: check_paths()
// first.
class record_tree {
  public:
    explicit record_tree(std::filesystem::path root) : root_(std::move(root)) {}

    const std::filesystem::path& root() const { return root_; }

    std::filesystem::path lock_file() const { return root_ / ".lock"; }

    std::filesystem::path nodes() const { return root_ / "nodes"; }

    // Where the records of one kind of discovery are.
    std::filesystem::path sources(source_kind kind) const;

    std::filesystem::path interfaces() const { return root_ / "ifaces"; }

    std::filesystem::path target(const node_id& id) const { return nodes() / id.target; }

    std::filesystem::path portal(const node_id& id) const { return target(id) / portal_name(id); }

    // The folder directly under the root in which `path` lies.
    std::filesystem::path branch(const std::filesystem::path& path) const;

    // The file of a node record: inside its portal's folder, or in its place without a group tag.
    std::filesystem::path node(const node_id& id) const;
    // Where a record without a group tag stands when another interface has that file already.
    std::filesystem::path further_node(const node_id& id) const;

    std::filesystem::path discovery_folder(const discovery_id& id) const;
    std::filesystem::path discovery(const discovery_id& id) const;

    // The link that says where a node record came from; records that were typed in without a
    // group tag have none.
    std::optional<std::filesystem::path> link(const record& node) const;

  private:
    std::filesystem::path root_;
};

} // namespace iscsi::admin
