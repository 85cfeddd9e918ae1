#include "libiscsi/admin/varlink.hpp"

#include "libiscsi/admin/json_members.hpp"
#include "libiscsi/admin/json_text.hpp"

#include <boost/json/serialize.hpp>

namespace iscsi::admin {

namespace {

std::string with_end(const boost::json::object& message) {
    auto text = boost::json::serialize(message);
    text.push_back('\0');
    return text;
}

// Moves the "parameters" member out; a message may be without.
result<boost::json::object> take_parameters(boost::json::object& message) {
    auto* const value = message.if_contains("parameters");
    if (value == nullptr)
        return boost::json::object();
    auto taken = std::move(*value);
    message.erase("parameters");
    if (taken.is_null())
        return boost::json::object();
    if (!taken.is_object())
        return fault{to_error_code(message_errc::wrong_type), "parameters", "", "an object"};
    return std::move(taken.get_object());
}

} // namespace

std::string format(const varlink_call& call) {
    boost::json::object message{{"method", call.method}, {"parameters", call.parameters}};
    if (call.more)
        message["more"] = true;
    if (call.oneway)
        message["oneway"] = true;
    return with_end(message);
}

std::string format(const varlink_reply& reply) {
    boost::json::object message{{"parameters", reply.parameters}};
    if (reply.continues)
        message["continues"] = true;
    if (!reply.error.empty())
        message["error"] = reply.error;
    return with_end(message);
}

result<varlink_call> parse_call(std::string_view text) {
    auto message = parse_object(text);
    if (!message)
        return message.error();
    varlink_call call;
    auto parameters = take_parameters(*message);
    if (!parameters)
        return parameters.error();
    call.parameters = std::move(*parameters);
    json_reader reader(*message);
    reader.text("method", call.method);
    reader.optional_boolean("more", call.more);
    reader.optional_boolean("oneway", call.oneway);
    if (auto read = reader.finish(); !read)
        return read.error();
    return call;
}

result<varlink_reply> parse_reply(std::string_view text) {
    auto message = parse_object(text);
    if (!message)
        return message.error();
    varlink_reply reply;
    auto parameters = take_parameters(*message);
    if (!parameters)
        return parameters.error();
    reply.parameters = std::move(*parameters);
    json_reader reader(*message);
    reader.optional_boolean("continues", reply.continues);
    reader.optional_text("error", reply.error);
    if (auto read = reader.finish(); !read)
        return read.error();
    return reply;
}

result<void> varlink_splitter::feed(std::string_view bytes) {
    for (;;) {
        const auto end = bytes.find('\0');
        part_.append(bytes.substr(0, end));
        if (part_.size() > longest_message)
            return fault{
                to_error_code(message_errc::too_long),
                "message",
                "more than " + std::to_string(longest_message) + " bytes",
                ""};
        if (end == std::string_view::npos)
            return {};
        whole_.push_back(std::exchange(part_, {}));
        bytes.remove_prefix(end + 1);
    }
}

std::optional<std::string> varlink_splitter::next() {
    if (whole_.empty())
        return std::nullopt;
    auto message = std::move(whole_.front());
    whole_.pop_front();
    return message;
}

} // namespace iscsi::admin
