#pragma once

#include "libiscsi/admin/record_store.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The interface records of a discovery: each portal of its answer is bound to each of them.
namespace iscsi::discovery {

// `default` and `iser` are part of the program: they cannot be changed or deleted, and no file has
// their name.
bool is_built_in(std::string_view interface);
admin::record built_in_interface(std::string_view name);

// The record of this name: a stored one, `default` or `iser`; nothing when there is none.
result<std::optional<admin::record>>
find_interface(const admin::record_store& store, const std::string& name);

// By their names, in the order in which they were added, each once.
class interface_choice {
  public:
    void add(const admin::record& interface);

    bool empty() const { return names_.empty(); }

    const std::vector<std::string>& names() const { return names_; }

    // Of one of names().
    const admin::record& at(const std::string& name) const { return records_.at(name); }

    // One whose file is flawed: a guess might ask from elsewhere. Its node records are nobody's to
    // remove, for nobody has looked what it would find.
    void leave_out(const std::string& name, std::string why);

    bool leaves_out(const std::string& name) const { return left_out_.contains(name); }

    // With file and line.
    const std::vector<std::string>& warnings() const { return warnings_; }

  private:
    std::map<std::string, admin::record> records_;
    std::vector<std::string> names_;
    std::set<std::string> left_out_;
    std::vector<std::string> warnings_;
};

// The stored ones of tcp without a flaw; without any, `default`.
interface_choice all_interfaces(const admin::record_store& store);

// What the target and the network see of an interface; all empty: what they see of the machine. A
// target may show other things to another initiator name, so those that look the same ask once.
using appearance = std::array<std::string, 3>;
appearance appearance_of(const admin::record& interface);

// A node record from the template or another record, bound to an interface, whose values are copied
// in as open-iscsi does it, bad ones as bad ones: no login goes by them. Faults: setting_errc, when
// `id` has a part that its row does not take.
result<admin::record>
make_node(admin::record from_template, const admin::node_id& id, const admin::record& interface);

} // namespace iscsi::discovery
