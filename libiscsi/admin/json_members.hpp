#pragma once

#include "libiscsi/admin/message_errc.hpp"
#include "libiscsi/base/result.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Two visitors with the same verbs, one for each direction between a message and its JSON object.
namespace iscsi::admin {

template <class Actual, class Message>
// One function for both directions: the writer visits a const message, the reader one that it
// fills.
concept same_message = std::same_as<std::remove_const_t<Actual>, Message>;

// Both ends belong to it.
struct integer_range {
    std::int64_t low = 0;
    std::int64_t high = 0;
};

// A port, a number or an exit code: all that a JSON integer stands for here.
template <class Value>
using number_of = typename std::conditional_t<
    std::is_enum_v<Value>,
    std::underlying_type<Value>,
    std::type_identity<Value>>::type;

// It writes every member, also those with their default, so that a reader in another language needs
// no table of defaults. It cannot fail.
class json_writer {
  public:
    void text(std::string_view name, const std::string& value) { to_[name] = value; }

    void boolean(std::string_view name, bool value) { to_[name] = value; }

    void optional_boolean(std::string_view name, bool value) { to_[name] = value; }

    // False is left out: a daemon that does not know the member yet is not asked for it in vain.
    void flag(std::string_view name, bool value) {
        if (value)
            boolean(name, value);
    }

    void optional_text(std::string_view name, const std::string& value) { to_[name] = value; }

    template <class Value>
    void integer(std::string_view name, Value value, integer_range /*allowed*/ = {}) {
        to_[name] = static_cast<number_of<Value>>(value);
    }

    template <class Value>
    // A member that is not set is left out, not written as null.
    void optional_integer(std::string_view name, const std::optional<Value>& value) {
        if (value)
            to_[name] = *value;
    }

    template <class Message>
    void object(std::string_view name, const Message& value) {
        json_writer inner;
        members(inner, value);
        to_[name] = inner.take();
    }

    template <class Message>
    void objects(std::string_view name, const std::vector<Message>& values) {
        boost::json::array all;
        for (const auto& value : values) {
            json_writer inner;
            members(inner, value);
            all.emplace_back(inner.take());
        }
        to_[name] = std::move(all);
    }

    // An empty list is left out.
    template <class Message>
    void optional_objects(std::string_view name, const std::vector<Message>& values) {
        if (!values.empty())
            objects(name, values);
    }

    template <class Value>
    void integers(std::string_view name, const std::vector<Value>& values) {
        to_[name] = boost::json::array(values.begin(), values.end());
    }

    void texts(std::string_view name, const std::vector<std::string>& values) {
        to_[name] = boost::json::array(values.begin(), values.end());
    }

    // An empty list is left out.
    void optional_texts(std::string_view name, const std::vector<std::string>& values) {
        if (!values.empty())
            texts(name, values);
    }

    boost::json::object take() { return std::move(to_); }

  private:
    boost::json::object to_;
};

// Reads the members it is asked for and remembers the first fault; after one it reads no more.
// The caller asks for the members in any order, then calls finish() once. What was read before a
// fault stays in the message, so a message may be used only when finish() has none.
class json_reader {
  public:
    // `where` names the object in faults: "nodes[3].".
    explicit json_reader(const boost::json::object& from, std::string where = "")
        : from_(from), where_(std::move(where)) {}

    void text(std::string_view name, std::string& to);
    void boolean(std::string_view name, bool& to);
    // The value stays as it is when the member is missing: the default is that of the struct.
    void optional_boolean(std::string_view name, bool& to);

    void flag(std::string_view name, bool& to) { optional_boolean(name, to); }

    void optional_text(std::string_view name, std::string& to);
    void texts(std::string_view name, std::vector<std::string>& to);
    void optional_texts(std::string_view name, std::vector<std::string>& to);

    template <class Value>
    // Without a range, the one of its type: a number that does not fit is refused and never cut.
    void integer(std::string_view name, Value& to) {
        integer(name, to, range_of<Value>());
    }

    template <class Value>
    void integer(std::string_view name, Value& to, integer_range allowed) {
        if (const auto* const value = required(name))
            read_integer(*value, name, to, allowed);
    }

    // The only numbers beyond 2^63 - 1: LUNs.
    void integer(std::string_view name, std::uint64_t& to);

    template <class Value>
    void optional_integer(std::string_view name, std::optional<Value>& to) {
        if (const auto* const value = optional(name))
            read_integer(*value, name, to.emplace(), range_of<Value>());
    }

    template <class Value>
    void integers(std::string_view name, std::vector<Value>& to) {
        for (const auto& value : array(name))
            read_integer(value, name, to.emplace_back(), range_of<Value>());
    }

    template <class Message>
    void object(std::string_view name, Message& to) {
        if (const auto* const value = required(name))
            read_object(*value, where_ + std::string(name), to);
    }

    // The place in faults counts from 0: "nodes[3].port".
    template <class Message>
    void objects(std::string_view name, std::vector<Message>& to) {
        read_objects(array(name), name, to);
    }

    template <class Message>
    void optional_objects(std::string_view name, std::vector<Message>& to) {
        read_objects(array(optional(name), name), name, to);
    }

    // The first fault; members that nobody asked for are one.
    // Unknown members are a fault, because a newer client that sends one relies on it.
    result<void> finish() const;

  private:
    template <class Value>
    static constexpr integer_range range_of() {
        using limits = std::numeric_limits<Value>;
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        if constexpr (std::in_range<std::int64_t>(limits::max()))
            return {limits::min(), limits::max()};
        else
            return {0, most};
    }

    template <class Value>
    void read_integer(
        const boost::json::value& value, std::string_view name, Value& to, integer_range allowed
    ) {
        if (const auto number = whole_number(value, name, allowed))
            to = static_cast<Value>(*number);
    }

    template <class Message>
    void read_objects(
        const boost::json::array& values, std::string_view name, std::vector<Message>& to
    ) {
        for (const auto& value : values) {
            const auto place = where_ + std::string(name) + "[" + std::to_string(to.size()) + "]";
            read_object(value, place, to.emplace_back());
        }
    }

    template <class Message>
    void read_object(const boost::json::value& value, const std::string& place, Message& to) {
        const auto* const inner = value.if_object();
        if (inner == nullptr)
            return refuse(message_errc::wrong_type, place, "an object");
        json_reader reader(*inner, place + ".");
        members(reader, to);
        if (const auto read = reader.finish(); !read)
            keep(read.error());
    }

    // nullptr when it is not there or a fault came before; `null` counts as not there.
    // Every name that is asked for counts as known, whether or not it is there.
    const boost::json::value* optional(std::string_view name);
    const boost::json::value* required(std::string_view name);
    const boost::json::array& array(std::string_view name);
    const boost::json::array& array(const boost::json::value* value, std::string_view name);
    void read_text(const boost::json::value& value, std::string_view name, std::string& to);
    void read_boolean(const boost::json::value& value, std::string_view name, bool& to);
    std::optional<std::int64_t>
    whole_number(const boost::json::value& value, std::string_view name, integer_range allowed);

    void refuse(message_errc why, std::string_view name, std::string expected);
    void keep(const fault& why);

    const boost::json::object& from_;
    std::string where_;
    std::vector<std::string_view> known_;
    std::optional<fault> fault_;
};

} // namespace iscsi::admin
