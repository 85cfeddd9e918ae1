#pragma once

#include "libiscsi/admin/setting_table.hpp"

namespace iscsi::admin {

// Never defined: naming it is what makes the compiler stop at a key that the table does not have,
// or that is of another type.
void the_settings_table_has_no_such_key();

// The row that a program means when it writes a key. It is looked up while the program is compiled:
// a mistyped key does not read as an empty text or as 0, it does not compile. Names that users and
// files bring go to find_setting() instead.
template <setting_type... Types>
class key_of {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is a key wherever one is wanted
    consteval key_of(const char* name) : row_(&row_named(name)) {}

    constexpr std::string_view name() const { return row_->name; }

    constexpr const setting& row() const { return *row_; }

  private:
    static consteval bool is_allowed(setting_type type) {
        return sizeof...(Types) == 0 || ((type == Types) || ...);
    }

    static consteval const setting& row_named(std::string_view name) {
        for (const auto& row : setting_table)
            if (row.name == name && is_allowed(row.type))
                return row;
        the_settings_table_has_no_such_key();
        return setting_table.front();
    }

    const setting* row_;
};

using setting_key = key_of<>;
using integer_key = key_of<setting_type::integer>;
using boolean_key = key_of<setting_type::boolean>;

} // namespace iscsi::admin
