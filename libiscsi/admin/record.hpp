#pragma once

#include "libiscsi/admin/record_id.hpp"
#include "libiscsi/admin/setting_key.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsi::admin {

// Which file it is, and so which keys stand in it.
enum class record_kind : std::uint8_t { node, send_targets, isns, interface };

// The row of a key in records of this kind, or nullptr.
// Not every key of the table stands in every record, and node.session.auth.chap_algs has one row
// for each of two kinds.
const setting* find_setting(record_kind kind, std::string_view name);

// fault::expected of update(), for a key that is changed in the interface record only.
inline constexpr std::string_view interface_mode = "iface mode";

// A key that the program itself names, with its value.
// For lists of keys that a program sets together.
struct assignment {
    setting_key key;
    std::string value;
};

// A line of a file that its key does not take, or that is none (no name): how it stands there, and
// what is wrong with it, with its place and without secrets.
struct bad_value {
    std::string name;
    std::string text;
    std::string why;
    friend bool operator==(const bad_value&, const bad_value&) = default;
};

// How much of its file a record is. A cut one may have lost settings: nobody may act by it, and it
// is never written over what is there. An empty one has lost everything.
enum class wholeness : std::uint8_t { whole, cut, empty };

// A record of open-iscsi: an ordered set of settings. Every key of its kind has a value (that of
// the row's fallback at first); keys that this version does not know are kept and written back.
// Values are valid at any time: there is no way in but set() and its kind, which check.
// Bad ones of a file stand beside them. It copies
// like a value and touches no file; record_store does.
class record {
  public:
    explicit record(record_kind kind);

    record_kind kind() const { return kind_; }

    // The value of a key that stands in records of this kind; a program that asks a record of
    // another kind ends in a debug build, and reads the empty text, 0 or false otherwise.
    const std::string& get(setting_key key) const;
    std::int64_t get_integer(integer_key key) const; // set() has checked it; 0 when it is empty
    bool get_boolean(boolean_key key) const;

    // The value of a name that somebody else brought; nullptr when this record has no such key. The
    // keys without a row are found, too.
    const std::string* find(std::string_view name) const;

    // Faults: setting_errc. `set` is for programs and files and keeps keys that have no row;
    // `update` is for users: it refuses those, keys that are not writable, and in node records
    // every iface.* but iface.transport_name (expected: interface_mode).
    // `assign` is `set` for a key that the program itself names.
    result<void> assign(setting_key key, std::string_view value);
    result<void> set(std::string_view name, std::string_view value);
    result<void> update(std::string_view name, std::string_view value);

    // What a file says that cannot be used: get() gives the fallback instead, entries() the text as
    // it stands, and a new value of the key ends it. Whoever acts by a record looks here first.
    void keep_bad(bad_value what);

    const std::vector<bad_value>& bad_values() const { return bad_; }

    // Its file is not whole; `why` becomes a bad value without a name.
    void mark_damaged(wholeness how, std::string why);

    wholeness whole() const { return whole_; }

    bool is_damaged() const { return whole_ != wholeness::whole; }

    // The keys that update() has set, here or before the record was written, sorted; none in
    // interface records, which nothing refreshes. A discovery keeps them (keep_user_settings).
    const std::set<std::string, std::less<>>& user_keys() const { return user_keys_; }

    // As update() does; a name that no user may set is passed over.
    void mark_set_by_user(std::string_view name);

    // Key and value in the order of open-iscsi, unknown keys last. Of our own keys, and of
    // the interface settings of the family that is not in use, only those that were changed.
    std::vector<std::pair<std::string, std::string>> entries() const;

    friend bool operator==(const record&, const record&) = default;

  private:
    const std::string& value_of(std::string_view key) const;
    const std::string& shown_value(std::string_view key) const;
    bool uses_ipv6() const;
    result<void> keep_unknown(std::string_view name, std::string_view value);

    record_kind kind_;
    std::map<std::string, std::string, std::less<>> values_;
    std::vector<std::pair<std::string, std::string>> unknown_;
    std::vector<bad_value> bad_;
    wholeness whole_ = wholeness::whole;
    std::set<std::string, std::less<>> user_keys_;
};

// Gives `to` what a user has set in `from`, and marks it there; a bad value is kept as it stands.
// Both are of one kind.
void keep_user_settings(const record& from, record& to);

// Which record this is, by the keys that select it.
// For node records; of another kind the program ends in a debug build, as with get().
node_id id_of(const record& node);
// Makes `node` the record of `id`. Faults: setting_errc, when a row does not take its part.
result<void> select_as(record& node, const node_id& id);
// As id_of(), for discovery records; those of isns have the keys of send_targets, as in open-iscsi.
discovery_id id_of_discovery(const record& from);

} // namespace iscsi::admin
