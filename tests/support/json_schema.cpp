#include "tests/support/json_schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace iscsi {

namespace {

namespace json = boost::json;
using complaints = std::vector<std::string>;

bool has_type(const json::value& value, std::string_view type) {
    const bool integer = value.is_int64() || value.is_uint64();
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "boolean" && value.is_bool()) ||
           (type == "null" && value.is_null()) || (type == "integer" && integer) ||
           (type == "number" && value.is_number());
}

// One value against one schema, and so on downwards.
class check {
  public:
    check(const json::value& root, complaints& found) : root_(root), found_(found) {}

    void value(const json::value& value, const json::object& schema, const std::string& place);

  private:
    // One for each keyword: what it says, the value, the place of the value.
    using rule_check = void (check::*)(const json::value&, const json::value&, const std::string&);

    static rule_check check_of(std::string_view keyword);

    void nothing(const json::value& /*rule*/, const json::value& /*value*/, const std::string&) {}

    void type(const json::value& rule, const json::value& value, const std::string& place);
    void constant(const json::value& rule, const json::value& value, const std::string& place);
    void choice(const json::value& rule, const json::value& value, const std::string& place);
    void minimum(const json::value& rule, const json::value& value, const std::string& place);
    void maximum(const json::value& rule, const json::value& value, const std::string& place);
    void items(const json::value& rule, const json::value& value, const std::string& place);
    void reference(const json::value& rule, const json::value& value, const std::string& place);
    void one_of(const json::value& rule, const json::value& value, const std::string& place);
    void required(const json::value& rule, const json::value& value, const std::string& place);
    void members(const json::object& schema, const json::object& object, const std::string& place);

    void complain(const std::string& place, const std::string& what) {
        found_.push_back((place.empty() ? "/" : place) + ": " + what);
    }

    const json::value& root_;
    complaints& found_;
};

check::rule_check check::check_of(std::string_view keyword) {
    struct row {
        std::string_view keyword;
        rule_check check_it;
    };

    static constexpr std::array rows = {
        row{"type", &check::type},
        row{"const", &check::constant},
        row{"enum", &check::choice},
        row{"minimum", &check::minimum},
        row{"maximum", &check::maximum},
        row{"items", &check::items},
        row{"$ref", &check::reference},
        row{"oneOf", &check::one_of},
        row{"required", &check::required},
        row{"properties", &check::nothing}, // members() looks at these two
        row{"additionalProperties", &check::nothing},
        row{"$schema", &check::nothing},
        row{"$defs", &check::nothing},
        row{"title", &check::nothing},
        row{"description", &check::nothing},
    };
    const auto found = std::ranges::find(rows, keyword, &row::keyword);
    return found == rows.end() ? nullptr : found->check_it;
}

void check::value(const json::value& value, const json::object& schema, const std::string& place) {
    for (const auto& [keyword, rule] : schema)
        if (const auto check_it = check_of(keyword))
            (this->*check_it)(rule, value, place);
        else
            complain(place, "the schema has '" + std::string(keyword) + "', which nobody checks");
    if (value.is_object())
        members(schema, value.get_object(), place);
}

void check::constant(const json::value& rule, const json::value& value, const std::string& place) {
    if (rule != value)
        complain(place, json::serialize(value) + " is not " + json::serialize(rule));
}

void check::choice(const json::value& rule, const json::value& value, const std::string& place) {
    if (std::ranges::find(rule.as_array(), value) == rule.as_array().end())
        complain(place, json::serialize(value) + " is none of " + json::serialize(rule));
}

void check::minimum(const json::value& rule, const json::value& value, const std::string& place) {
    if (value.is_int64() && value.get_int64() < rule.as_int64())
        complain(place, json::serialize(value) + " is below " + json::serialize(rule));
}

void check::maximum(const json::value& rule, const json::value& value, const std::string& place) {
    const bool beyond =
        value.is_uint64() || (value.is_int64() && value.get_int64() > rule.as_int64());
    if (beyond)
        complain(place, json::serialize(value) + " is above " + json::serialize(rule));
}

void check::items(const json::value& rule, const json::value& value, const std::string& place) {
    if (!value.is_array())
        return;
    std::size_t index = 0;
    for (const json::value& item : value.get_array())
        this->value(item, rule.as_object(), place + "/" + std::to_string(index++));
}

void check::type(const json::value& rule, const json::value& value, const std::string& place) {
    const auto fits = [&value](const json::value& one) { return has_type(value, one.as_string()); };
    if (rule.is_string() ? !fits(rule) : std::ranges::none_of(rule.as_array(), fits))
        complain(place, json::serialize(value) + " is not of type " + json::serialize(rule));
}

void check::reference(const json::value& rule, const json::value& value, const std::string& place) {
    const std::string pointer(std::string_view(rule.as_string()).substr(1)); // after '#'
    boost::system::error_code failed;
    const json::value* const schema = root_.find_pointer(pointer, failed);
    if (schema == nullptr)
        return complain(place, "the schema has no " + pointer);
    this->value(value, schema->as_object(), place);
}

// The complaints of the nearest rule are those that help.
void check::one_of(const json::value& rules, const json::value& value, const std::string& place) {
    std::size_t fitting = 0;
    complaints nearest;
    for (const json::value& rule : rules.as_array()) {
        complaints found;
        check(root_, found).value(value, rule.as_object(), place);
        fitting += found.empty() ? 1U : 0U;
        if (nearest.empty() || found.size() < nearest.size())
            nearest = found;
    }
    if (fitting == 1)
        return;
    complain(place, std::to_string(fitting) + " of oneOf fit");
    found_.insert(found_.end(), nearest.begin(), nearest.end());
}

void check::required(const json::value& names, const json::value& value, const std::string& place) {
    for (const json::value& name : names.as_array())
        if (value.is_object() && !value.get_object().contains(name.as_string()))
            complain(place, "no member " + json::serialize(name));
}

void check::members(
    const json::object& schema, const json::object& object, const std::string& place
) {
    const json::object none;
    const auto* given = schema.if_contains("properties");
    const json::object& properties = given == nullptr ? none : given->as_object();
    const json::value* const others = schema.if_contains("additionalProperties");
    for (const auto& [name, value] : object) {
        const std::string below = place + "/" + std::string(name);
        if (const json::value* const rule = properties.if_contains(name))
            this->value(value, rule->as_object(), below);
        else if (others != nullptr && others->is_object())
            this->value(value, others->get_object(), below);
        else if (others != nullptr && *others == json::value(false))
            complain(below, "unknown member");
    }
}

} // namespace

complaints json_schema::complaints_of(const json::value& value) const {
    complaints found;
    check(root_, found).value(value, root_.as_object(), "");
    return found;
}

} // namespace iscsi
