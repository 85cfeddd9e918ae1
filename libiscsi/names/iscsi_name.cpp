#include "libiscsi/names/iscsi_name.hpp"

#include "libiscsi/base/shown.hpp"
#include "libiscsi/names/characters.hpp"

#include <algorithm>

namespace iscsi {
namespace {

constexpr std::size_t longest_name = 223; // RFC 7143 §4.2.7.1

// Printable ASCII that can stand in a path component, between commas there, and on one line.
bool is_name_character(char c) {
    return c > ' ' && c <= '~' && c != '/' && c != ',';
}

bool all_hex(std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), is_hex_digit);
}

// §4.2.7.3 to §4.2.7.6: iqn. and a date and domain, eui. and 16 or naa. and 16 or 32 hex digits.
// Names are the same in either case (§4.2.7.2), and some targets write capitals.
bool is_known_name_type(std::string_view name) {
    const auto type = name.substr(0, 4);
    const auto rest = name.substr(type.size());
    if (same_but_for_case(type, "iqn."))
        return !rest.empty();
    if (same_but_for_case(type, "eui."))
        return rest.size() == 16 && all_hex(rest);
    if (same_but_for_case(type, "naa."))
        return (rest.size() == 16 || rest.size() == 32) && all_hex(rest);
    return false;
}

} // namespace

const char* category_name(name_errc) {
    return "iscsi.name";
}

std::string_view message_of(name_errc code) {
    switch (code) {
    case name_errc::empty_name:
        return "empty name";
    case name_errc::name_too_long:
        return "name too long";
    case name_errc::bad_character:
        return "character that no iSCSI name may hold";
    case name_errc::unknown_name_type:
        return "unknown type of iSCSI name";
    case name_errc::bad_portal:
        return "not an address";
    case name_errc::bad_port:
        return "bad port";
    case name_errc::bad_group_tag:
        return "bad portal group tag";
    case name_errc::address_without_target:
        return "address without a target";
    }
    return "unknown name error";
}

fault name_fault(
    name_errc code, std::string_view field, std::string_view got, std::string_view expected
) {
    return {to_error_code(code), std::string(field), shown(got), std::string(expected)};
}

result<void> check_iscsi_name(std::string_view name) {
    const auto refuse = [name](name_errc code, const char* expected) {
        return name_fault(code, "iSCSI name", name, expected);
    };
    if (name.empty())
        return refuse(name_errc::empty_name, "a name");
    if (name.size() > longest_name)
        return refuse(name_errc::name_too_long, "at most 223 bytes [RFC 7143 4.2.7.1]");
    if (!std::all_of(name.begin(), name.end(), is_name_character))
        return refuse(name_errc::bad_character, "printable ASCII without blanks, commas and '/'");
    if (!is_known_name_type(name))
        return refuse(name_errc::unknown_name_type, "iqn., eui. or naa. [RFC 7143 4.2.7.3]");
    return {};
}

} // namespace iscsi
