#include "libiscsi/admin/json_members.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::admin {

namespace {

std::string range_text(integer_range allowed) {
    return std::to_string(allowed.low) + ".." + std::to_string(allowed.high);
}

// JSON does not tell signed from unsigned; the values in memory do.
// A number with a fraction or an exponent is no integer here, whatever its value.
std::optional<std::int64_t> as_integer(const boost::json::value& value) {
    if (const auto* const number = value.if_int64())
        return *number;
    const auto* const number = value.if_uint64();
    if (number != nullptr && std::in_range<std::int64_t>(*number))
        return static_cast<std::int64_t>(*number);
    return std::nullopt;
}

} // namespace

void json_reader::text(std::string_view name, std::string& to) {
    if (const auto* const value = required(name))
        read_text(*value, name, to);
}

void json_reader::boolean(std::string_view name, bool& to) {
    if (const auto* const value = required(name))
        read_boolean(*value, name, to);
}

void json_reader::optional_boolean(std::string_view name, bool& to) {
    if (const auto* const value = optional(name))
        read_boolean(*value, name, to);
}

void json_reader::optional_text(std::string_view name, std::string& to) {
    if (const auto* const value = optional(name))
        read_text(*value, name, to);
}

void json_reader::texts(std::string_view name, std::vector<std::string>& to) {
    for (const auto& value : array(name))
        read_text(value, name, to.emplace_back());
}

void json_reader::optional_texts(std::string_view name, std::vector<std::string>& to) {
    for (const auto& value : array(optional(name), name))
        read_text(value, name, to.emplace_back());
}

void json_reader::integer(std::string_view name, std::uint64_t& to) {
    const auto* const value = required(name);
    if (value == nullptr)
        return;
    if (const auto* const large = value->if_uint64())
        to = *large;
    else
        read_integer(*value, name, to, {0, std::numeric_limits<std::int64_t>::max()});
}

result<void> json_reader::finish() const {
    if (fault_)
        return *fault_;
    for (const auto& member : from_)
        if (std::find(known_.begin(), known_.end(), member.key()) == known_.end())
            return fault{
                to_error_code(message_errc::unknown_member),
                where_ + std::string(member.key()),
                "",
                ""};
    return {};
}

const boost::json::value* json_reader::optional(std::string_view name) {
    known_.push_back(name);
    if (fault_)
        return nullptr;
    const auto* const value = from_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

const boost::json::value* json_reader::required(std::string_view name) {
    const auto* const value = optional(name);
    if (value == nullptr)
        refuse(message_errc::missing_member, where_ + std::string(name), "");
    return value;
}

// After a fault an empty array, so that callers need not look.
const boost::json::array& json_reader::array(std::string_view name) {
    return array(required(name), name);
}

const boost::json::array&
json_reader::array(const boost::json::value* value, std::string_view name) {
    static const boost::json::array nothing;
    if (value == nullptr)
        return nothing;
    const auto* const all = value->if_array();
    if (all == nullptr)
        refuse(message_errc::wrong_type, where_ + std::string(name), "an array");
    else if (all->size() > longest_array)
        refuse(message_errc::too_long, where_ + std::string(name), "at most 65536 elements");
    return fault_ ? nothing : *all;
}

void json_reader::read_text(
    const boost::json::value& value, std::string_view name, std::string& to
) {
    const auto* const text = value.if_string();
    if (text == nullptr)
        return refuse(message_errc::wrong_type, where_ + std::string(name), "a string");
    if (text->size() > longest_string)
        return refuse(message_errc::too_long, where_ + std::string(name), "at most 4096 bytes");
    to.assign(text->data(), text->size());
}

void json_reader::read_boolean(const boost::json::value& value, std::string_view name, bool& to) {
    const auto* const truth = value.if_bool();
    if (truth == nullptr)
        return refuse(message_errc::wrong_type, where_ + std::string(name), "true or false");
    to = *truth;
}

std::optional<std::int64_t> json_reader::whole_number(
    const boost::json::value& value, std::string_view name, integer_range allowed
) {
    const auto place = where_ + std::string(name);
    if (!value.is_int64() && !value.is_uint64()) {
        refuse(message_errc::wrong_type, place, "an integer");
        return std::nullopt;
    }
    const auto number = as_integer(value);
    if (!number || *number < allowed.low || *number > allowed.high) {
        refuse(message_errc::out_of_range, place, range_text(allowed));
        return std::nullopt;
    }
    return number;
}

void json_reader::refuse(message_errc why, std::string_view name, std::string expected) {
    keep({to_error_code(why), std::string(name), "", std::move(expected)});
}

// The first is the cause; what follows it may be its consequence.
void json_reader::keep(const fault& why) {
    if (!fault_)
        fault_ = why;
}

} // namespace iscsi::admin
